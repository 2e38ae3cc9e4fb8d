import type { StatsReply } from "@hive-registry/client";

/** What the queen's counters stood at, and when. */
export interface CounterReading {
  readonly at_ms: number;
  readonly completed_total: number;
  readonly failed_total: number;
}

/** Readings that are kept: the rate is told over the time that they span. */
export const READINGS_KEPT = 4;

export const readingOf = ({ requests }: StatsReply, atMs: number): CounterReading => ({
  at_ms: atMs,
  completed_total: requests.completed_total,
  failed_total: requests.failed_total,
});

/** Counters that went back are those of a queen that started anew: what was read before says nothing. */
export function withReading(readings: readonly CounterReading[], next: CounterReading): readonly CounterReading[] {
  const last = readings.at(-1);
  if (last !== undefined && total(next) < total(last)) return [next];
  return [...readings, next].slice(-READINGS_KEPT);
}

/** Requests that ended, a second. Undefined until there is something to compare. */
export function requestsPerSecond(readings: readonly CounterReading[]): number | undefined {
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined || last.at_ms <= first.at_ms) return undefined;
  return ((total(last) - total(first)) * 1000) / (last.at_ms - first.at_ms);
}

const total = ({ completed_total, failed_total }: CounterReading): number => completed_total + failed_total;
