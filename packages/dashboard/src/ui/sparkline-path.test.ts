import { expect, test } from "vitest";
import { sparklinePath } from "./sparkline-path.ts";

test("the line spans the field from the first value to the last", () => {
  expect(sparklinePath([0, 5, 10])).toBe("M0 27L50 14L100 1");
  expect(sparklinePath([50], 100)).toBe("M0 14");
  expect(sparklinePath([])).toBe("");
});

test("where nobody told there is a gap and no zero", () => {
  expect(sparklinePath([10, null, 10, 10])).toBe("M0 1M66.7 1L100 1");
  expect(sparklinePath([null, null])).toBe("");
});

test("what is above the top or below zero stays in the field", () => {
  expect(sparklinePath([-5, 300], 100)).toBe("M0 27L100 1");
});
