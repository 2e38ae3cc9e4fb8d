import { expect, test } from "vitest";
import { ERROR_MEANING, ERROR_STATUS, HiveError } from "./errors.ts";

test("every code has a status and says what it means and what to do", () => {
  expect(Object.keys(ERROR_MEANING).sort()).toEqual(Object.keys(ERROR_STATUS).sort());
  for (const meaning of Object.values(ERROR_MEANING)) expect(meaning).toMatch(/^[A-Z].*[.?]$/s);
});

test("an error becomes its reply, without its cause", () => {
  const error = new HiveError("NO_WORKER", "none", { cause: new Error("secret"), details: { waiting: 3 } });
  expect(error.status).toBe(503);
  expect(error.toBody()).toEqual({ error: { code: "NO_WORKER", message: "none", details: { waiting: 3 } } });
  expect(new HiveError("TIMEOUT", "late").toBody()).toEqual({ error: { code: "TIMEOUT", message: "late" } });
});
