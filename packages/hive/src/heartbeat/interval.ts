/** The rules about when to beat, and when to look for a queen that is away: pure functions. */
import type { Backoff } from "../backoff.ts";

export const INTERVAL_DEFAULT_MS = 5_000;
export const INTERVAL_MIN_MS = 200;
export const INTERVAL_MAX_MS = 600_000;
/** Of so many heartbeats at least one is a full one, whatever happened to the others. */
export const FULL_EVERY = 12;
const JITTER_SHARE = 0.1;
const RECONNECT_FIRST_MS = 250;
const RECONNECT_CAP_MIN_MS = 2_000;
const RECONNECT_CAP_MAX_MS = 10_000;
/** Of the interval, which the queen stretches with her fleet: so whoever comes back to her comes at a rate that she can take. */
const RECONNECT_CAP_SHARE = 0.4;

/** The interval a queen asks for, kept within what is sane. */
export const boundInterval = (askedMs: number): number =>
  Math.min(INTERVAL_MAX_MS, Math.max(INTERVAL_MIN_MS, Math.round(askedMs)));

/** The interval ±10 %, so that a fleet that was started at once does not beat at once. */
export const jittered = (intervalMs: number, random: () => number): number =>
  intervalMs * (1 + JITTER_SHARE * (2 * random() - 1));

/**
 * Pauses between tries to reach a queen that is away. With the usual interval she has her whole fleet back two seconds after she listens
 * again; with the longest ones, of very large fleets, after ten. One that answers and refuses is not asked more often than needed.
 */
export const reconnectAfter = (intervalMs: number, { isRefused }: { readonly isRefused: boolean }): Backoff => ({
  firstMs: RECONNECT_FIRST_MS,
  capMs: isRefused
    ? RECONNECT_CAP_MAX_MS
    : Math.min(RECONNECT_CAP_MAX_MS, Math.max(RECONNECT_CAP_MIN_MS, intervalMs * RECONNECT_CAP_SHARE)),
});
