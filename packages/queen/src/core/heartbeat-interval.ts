/** What the queen asks of the fleet's heartbeats. */
export interface HeartbeatPace {
  /** How often a hive beats while the fleet is small, ms. */
  readonly intervalMs: number;
  /** The queen wants no more than this in all; a large fleet beats slower. */
  readonly maxHeartbeatsPerSecond: number;
}

export const DEFAULT_PACE: HeartbeatPace = { intervalMs: 5_000, maxHeartbeatsPerSecond: 5_000 };

/** How long a hive should wait before it beats again: stretched when so many hives would be too much. As Nomad does it. */
export function heartbeatIntervalMs(hives: number, pace: HeartbeatPace): number {
  return Math.max(pace.intervalMs, Math.ceil((hives * 1_000) / pace.maxHeartbeatsPerSecond));
}
