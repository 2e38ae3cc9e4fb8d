import fc from "fast-check";
import { expect, test } from "vitest";
import { LINE_LENGTH_MAX, Lines } from "./lines.ts";

test("lines come out the same however the text was cut into pieces", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "é", " ", "\n") })), (pieces) => {
      const lines = new Lines();
      const seen = [...pieces.flatMap((piece) => lines.push(piece)), ...lines.flush()];
      const whole = pieces.join("").split("\n");
      expect(seen).toEqual(whole.at(-1) === "" ? whole.slice(0, -1) : whole);
    }),
  );
});

test("a program that never ends its line does not fill the memory", () => {
  const lines = new Lines();
  for (let piece = 0; piece < 100; piece++) lines.push("x".repeat(1_000));
  expect(lines.push("\n")[0]?.length).toBe(LINE_LENGTH_MAX);
});
