/** A difference of clocks that changes by more is a clock that was set. */
export const CLOCK_JUMP_MS = 2_000;
/** Heartbeats that come together were held up on the way together: no two of them prove anything. */
const APART_MS = 1_000;

/** How a hive's clock stood against the receiver's before and after it was set. */
export interface ClockJump {
  readonly from_ms: number;
  readonly to_ms: number;
}

/**
 * Tells a clock that was set from a heartbeat that came late. A later clock is one at once, for no heartbeat comes before it
 * was sent. An earlier one may be a heartbeat that was held up: a second heartbeat must say the same.
 * A hive takes memory here only while it is doubted.
 */
export class ClockWatch<Hive extends object> {
  readonly #doubted: Map<Hive, { readonly trustedMs: number; readonly skewMs: number; readonly atMs: number }> =
    new Map();

  /**
   * @param beforeMs the hive's clock minus the receiver's, by the heartbeat before; NaN when there is none.
   * @returns a jump, once it is certain.
   */
  look(hive: Hive, beforeMs: number, skewMs: number, nowMs: number): ClockJump | undefined {
    const doubt = this.#doubted.size === 0 ? undefined : this.#doubted.get(hive);
    const from_ms = doubt?.trustedMs ?? beforeMs;
    if (Number.isNaN(from_ms) || Math.abs(skewMs - from_ms) <= CLOCK_JUMP_MS) {
      if (doubt !== undefined) this.#doubted.delete(hive);
      return undefined;
    }
    const isSaidAgain =
      doubt !== undefined && Math.abs(skewMs - doubt.skewMs) <= CLOCK_JUMP_MS && nowMs - doubt.atMs >= APART_MS;
    if (skewMs > from_ms || isSaidAgain) {
      this.#doubted.delete(hive);
      return { from_ms, to_ms: skewMs };
    }
    this.#doubted.set(hive, { trustedMs: from_ms, skewMs, atMs: nowMs });
    return undefined;
  }

  forget(hive: Hive): void {
    if (this.#doubted.size > 0) this.#doubted.delete(hive);
  }
}
