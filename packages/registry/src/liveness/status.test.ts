import { describe, expect, test } from "vitest";
import type { HiveStatus } from "../types.ts";
import { DEFAULT_LIMITS, nextCheckMs, statusAt } from "./status.ts";

const heard = (intervalMs: number, more: { closed?: boolean; goodbye?: boolean } = {}) => ({
  receivedAtMs: 1_000_000,
  intervalMs,
  closed: false,
  goodbye: false,
  ...more,
});

describe("the status of a hive", () => {
  test.each<[string, ReturnType<typeof heard>, number, HiveStatus]>([
    ["just heard", heard(5_000), 0, "alive"],
    ["almost 2.5 intervals ago", heard(5_000), 12_499, "alive"],
    ["2.5 intervals ago", heard(5_000), 12_500, "suspect"],
    ["almost 30 s ago", heard(5_000), 29_999, "suspect"],
    ["30 s ago", heard(5_000), 30_000, "silent"],
    ["a slow one, 2.5 intervals ago", heard(20_000), 50_000, "suspect"],
    ["a slow one, 4 intervals ago", heard(20_000), 80_000, "silent"],
    ["its connection closed", heard(5_000, { closed: true }), 0, "suspect"],
    ["its connection closed 30 s ago", heard(5_000, { closed: true }), 30_000, "silent"],
    ["said goodbye", heard(5_000, { goodbye: true }), 0, "silent"],
  ])("%s", (_, facts, ageMs, status) => {
    expect(statusAt(1_000_000 + ageMs, facts, DEFAULT_LIMITS)).toBe(status);
  });

  test("changes by time exactly when it is looked at next, and not before", () => {
    for (const intervalMs of [100, 5_000, 12_000, 60_000]) {
      for (const closed of [false, true]) {
        const facts = heard(intervalMs, { closed });
        let nowMs = facts.receivedAtMs;
        const seen: HiveStatus[] = [];
        while (nowMs < Number.POSITIVE_INFINITY) {
          const status = statusAt(nowMs, facts, DEFAULT_LIMITS);
          seen.push(status);
          const nextMs = nextCheckMs(status, facts, DEFAULT_LIMITS);
          if (nextMs !== Number.POSITIVE_INFINITY) expect(statusAt(nextMs - 1, facts, DEFAULT_LIMITS)).toBe(status);
          nowMs = nextMs;
        }
        expect(seen).toEqual(closed ? ["suspect", "silent"] : ["alive", "suspect", "silent"]);
      }
    }
  });
});
