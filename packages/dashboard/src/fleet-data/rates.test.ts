import { expect, test } from "vitest";
import { type CounterReading, READINGS_KEPT, requestsPerSecond, withReading } from "./rates.ts";

const at = (seconds: number, completed_total: number): CounterReading => ({
  at_ms: seconds * 1000,
  completed_total,
  failed_total: 0,
});

test("a rate needs two readings, and spans those that are kept", () => {
  let readings = withReading([], at(0, 100));
  expect(requestsPerSecond(readings)).toBeUndefined();
  readings = withReading(readings, at(5, 150));
  expect(requestsPerSecond(readings)).toBe(10);
  for (let n = 2; n < 20; n++) readings = withReading(readings, at(n * 5, 150));
  expect(readings).toHaveLength(READINGS_KEPT);
  expect(requestsPerSecond(readings)).toBe(0);
});

test("a queen that started anew counts from zero, and nothing negative is told", () => {
  const readings = withReading(withReading([], at(0, 5_000)), at(5, 3));
  expect(readings).toHaveLength(1);
  expect(requestsPerSecond(readings)).toBeUndefined();
  expect(requestsPerSecond(withReading(readings, at(10, 8)))).toBe(1);
});
