/** The rules about when to beat: pure functions. */

export const INTERVAL_DEFAULT_MS = 5_000;
export const INTERVAL_MIN_MS = 200;
export const INTERVAL_MAX_MS = 600_000;
/** Of so many heartbeats at least one is a full one, whatever happened to the others. */
export const FULL_EVERY = 12;
const JITTER_SHARE = 0.1;

/** The interval a queen asks for, kept within what is sane. */
export const boundInterval = (askedMs: number): number =>
  Math.min(INTERVAL_MAX_MS, Math.max(INTERVAL_MIN_MS, Math.round(askedMs)));

/** The interval ±10 %, so that a fleet that was started at once does not beat at once. */
export const jittered = (intervalMs: number, random: () => number): number =>
  intervalMs * (1 + JITTER_SHARE * (2 * random() - 1));
