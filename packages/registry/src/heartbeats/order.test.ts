import { describe, expect, test } from "vitest";
import { isStale } from "./order.ts";

const at = (timestampMs: number, bootId?: string, seq?: number) => ({ bootId, seq, timestampMs });

describe("whether a heartbeat is from the past", () => {
  test.each([
    ["the next of the same boot", at(0, "a", 1), at(0, "a", 2), false],
    ["the same again", at(0, "a", 1), at(0, "a", 1), true],
    ["an earlier one of the same boot, whatever its clock says", at(0, "a", 5), at(9e9, "a", 4), true],
    ["a later one of the same boot, whatever its clock says", at(9e9, "a", 5), at(0, "a", 6), false],
    ["a new boot, whatever its numbers", at(9e9, "a", 5), at(0, "b", 0), false],
    ["a boot that was replaced", at(0, "b", 0), at(0, "old", 99), true],
    ["no numbers, the same time", at(100_000), at(100_000), false],
    ["no numbers, just overtaken", at(100_000), at(99_999), true],
    ["no numbers, overtaken by almost a minute", at(100_000), at(40_001), true],
    ["no numbers, a clock that was set back", at(100_000), at(40_000), false],
    ["numbers after none: time decides", at(100_000), at(99_999, "a", 1), true],
    ["none after numbers: time decides", at(100_000, "a", 1), at(100_001), false],
    ["a boot without a count: time decides", at(100_000, "a", 1), at(99_999, "a"), true],
  ])("%s", (_, last, next, stale) => {
    expect(isStale(last, next, ["old"])).toBe(stale);
  });
});
