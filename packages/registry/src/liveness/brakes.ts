import type { LivenessLimits } from "./status.ts";

/** How slowly a registry believes that hives are dead, because it is wrong more often than a fleet is. */
export interface BrakeOptions {
  /** Hives that were not heard for so long are evicted; 0: never. Default: 5 min. */
  readonly evictAfterMs?: number;
  /** Of the hives known when a window begins at most this share is evicted in it, and at least one. Default: 0.15. */
  readonly evictShare?: number;
  /** Default: as long as silence takes to count as offline. */
  readonly windowMs?: number;
  /** When more than this share of the hives falls silent within one window, evictions are frozen. Default: 0.5. */
  readonly freezeShare?: number;
  /** The longest that one freeze lasts; 0: never freeze. Default: 10 min. */
  readonly freezeMaxMs?: number;
  /** For so long nobody counts as quiet after the start, a stall or a reconnect. Default: one window. */
  readonly graceMs?: number;
  /**
   * The owner calls `tick()` at least so often. Only then can a registry tell that its process stood still, and then it gives
   * grace after its start, too. Default: no promise.
   */
  readonly tickMs?: number;
  /** Time that is let in so much later than promised is a stall. Default: 1 s. */
  readonly stallMs?: number;
}

export type Brakes = Required<BrakeOptions>;

const DEFAULT_EVICT_AFTER_MS = 300_000;
const DEFAULT_EVICT_SHARE = 0.15;
const DEFAULT_FREEZE_SHARE = 0.5;
const DEFAULT_FREEZE_MAX_MS = 600_000;
const DEFAULT_STALL_MS = 1_000;

/** @throws {TypeError} for a number that is none, or a negative one. */
export function brakesOf(options: BrakeOptions, limits: LivenessLimits): Brakes {
  const windowMs = options.windowMs ?? limits.silentAfterMs;
  const brakes: Brakes = {
    evictAfterMs: options.evictAfterMs ?? DEFAULT_EVICT_AFTER_MS,
    evictShare: options.evictShare ?? DEFAULT_EVICT_SHARE,
    windowMs,
    freezeShare: options.freezeShare ?? DEFAULT_FREEZE_SHARE,
    freezeMaxMs: options.freezeMaxMs ?? DEFAULT_FREEZE_MAX_MS,
    graceMs: options.graceMs ?? windowMs,
    tickMs: options.tickMs ?? Number.POSITIVE_INFINITY,
    stallMs: options.stallMs ?? DEFAULT_STALL_MS,
  };
  for (const [name, value] of Object.entries(brakes)) {
    if (typeof value !== "number" || !(value >= 0)) throw new TypeError(`brakes.${name} must be a number from 0`);
  }
  return brakes;
}
