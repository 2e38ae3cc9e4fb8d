import { expect, test } from "vitest";
import { newest, perSecond, summed } from "./series.ts";

test("sums pass over who does not tell, and are unknown where nobody does", () => {
  expect(
    summed([
      [1, null, null],
      [2, 3, null],
    ]),
  ).toEqual([3, 3, null]);
  expect(summed([])).toEqual([]);
});

test("a rate leaves out the step that is under way", () => {
  expect(perSecond([60, null, 120, 1], 60_000)).toEqual([1, null, 2]);
});

test("the newest value is the last that is known", () => {
  expect(newest([1, 2, null])).toBe(2);
  expect(newest([null])).toBeUndefined();
});
