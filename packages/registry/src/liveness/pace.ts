/** What is asked of a fleet's heartbeats. */
export interface HeartbeatPace {
  /** How often a hive beats while the fleet is small, ms. */
  readonly intervalMs: number;
  /** Whoever takes them wants no more than this in all; a large fleet beats slower. */
  readonly maxHeartbeatsPerSecond: number;
}

export const DEFAULT_PACE: HeartbeatPace = { intervalMs: 5_000, maxHeartbeatsPerSecond: 5_000 };

/**
 * How long a hive should wait before it beats again: stretched when so many hives would be too much. As Nomad does it. The
 * hive varies it by a tenth, so that those that started together do not stay together.
 */
export function heartbeatIntervalMs(hives: number, pace: HeartbeatPace): number {
  return Math.max(pace.intervalMs, Math.ceil((hives * 1_000) / pace.maxHeartbeatsPerSecond));
}
