/** What decides whether a heartbeat is newer than the last one taken. */
export interface HeartbeatOrder {
  readonly bootId: string | undefined;
  readonly seq: number | undefined;
  /** The hive's own timestamp, ms since epoch. */
  readonly timestampMs: number;
}

/** A timestamp this far behind the last one is a clock that was set back; less far, a heartbeat that came late. */
export const CLOCK_SET_BACK_MS = 60_000;

/** Boots that a hive had before its present one; a heartbeat of one of them is from the past. */
export const PAST_BOOTS_MAX = 4;

/**
 * Whether `next` must be refused. With `boot_id` and `seq` on both: not newer than the last one of that boot, or of a boot
 * that was already replaced. Without them: a little older than the last one, that is, overtaken on the way.
 */
export function isStale(last: HeartbeatOrder, next: HeartbeatOrder, pastBoots: readonly string[] | undefined): boolean {
  if (next.bootId !== undefined && next.seq !== undefined) {
    if (pastBoots?.includes(next.bootId)) return true;
    if (last.bootId !== undefined && last.seq !== undefined) return next.bootId === last.bootId && next.seq <= last.seq;
  }
  const behindMs = last.timestampMs - next.timestampMs;
  return behindMs > 0 && behindMs < CLOCK_SET_BACK_MS;
}
