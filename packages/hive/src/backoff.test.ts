import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const backoff = { firstMs: 250, capMs: 10_000 };

test("pauses double from the first one and stop growing at the cap", () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7].map((attempt) => backoffMs(attempt, backoff, () => 1));
  expect(longest).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("a pause is never longer than its share of the doubling nor shorter than half of it, however many failures there were", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, chance) => {
      const whole = Math.min(10_000, 250 * 2 ** Math.min(attempt, 30));
      const pause = backoffMs(attempt, backoff, () => chance);
      expect(pause).toBeLessThanOrEqual(whole);
      expect(pause).toBeGreaterThanOrEqual(whole / 2);
    }),
  );
});
