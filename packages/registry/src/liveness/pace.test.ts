import { expect, test } from "vitest";
import { heartbeatIntervalMs } from "./pace.ts";

test.each([
  [0, 5_000],
  [25_000, 5_000],
  [25_001, 5_001],
  [100_000, 20_000],
])("a fleet of %i hives is asked to beat every %i ms", (hives, intervalMs) => {
  expect(heartbeatIntervalMs(hives, { intervalMs: 5_000, maxHeartbeatsPerSecond: 5_000 })).toBe(intervalMs);
});
