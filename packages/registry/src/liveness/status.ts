import type { HiveStatus } from "../types.ts";

/** When a quiet hive is doubted, and when it is given up. */
export interface LivenessLimits {
  /** Silent for this many of its own intervals: suspect. */
  readonly suspectIntervals: number;
  /** Silent for this long: offline. A hive with a long interval gets at least {@link SILENT_INTERVALS} of them. */
  readonly silentAfterMs: number;
}

export const DEFAULT_LIMITS: LivenessLimits = { suspectIntervals: 2.5, silentAfterMs: 30_000 };

/** A slow hive is not called offline before it could have missed this many heartbeats. */
export const SILENT_INTERVALS = 4;

export interface LivenessFacts {
  readonly receivedAtMs: number;
  readonly intervalMs: number;
  /** Its connection was closed since it was heard. */
  readonly closed: boolean;
  readonly goodbye: boolean;
}

export const suspectAtMs = (facts: LivenessFacts, limits: LivenessLimits): number =>
  facts.receivedAtMs + limits.suspectIntervals * facts.intervalMs;

export const silentAtMs = (facts: LivenessFacts, limits: LivenessLimits): number =>
  facts.receivedAtMs + Math.max(limits.silentAfterMs, SILENT_INTERVALS * facts.intervalMs);

export function statusAt(nowMs: number, facts: LivenessFacts, limits: LivenessLimits): HiveStatus {
  if (facts.goodbye || nowMs >= silentAtMs(facts, limits)) return "silent";
  if (facts.closed || nowMs >= suspectAtMs(facts, limits)) return "suspect";
  return "alive";
}

/** When the status may change by time alone; `Infinity` when it will not. */
export function nextCheckMs(status: HiveStatus, facts: LivenessFacts, limits: LivenessLimits): number {
  if (status === "alive") return suspectAtMs(facts, limits);
  if (status === "suspect") return silentAtMs(facts, limits);
  return Number.POSITIVE_INFINITY;
}
