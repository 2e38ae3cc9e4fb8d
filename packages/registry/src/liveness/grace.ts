/**
 * Time in which nobody counts as quiet: after the start, after the registry's own process stood still, and when whoever
 * owns it says that it was out of reach. A process that stalls again and again does not put everything off for ever: without
 * an end between them, graces last `graceMaxMs` in all, not counting the time in which it stood.
 */
export class Grace {
  readonly #graceMs: number;
  readonly #graceMaxMs: number;
  #untilMs = Number.NEGATIVE_INFINITY;
  /** When the first of several graces without an end between them began. */
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly graceMs: number; readonly graceMaxMs: number }) {
    this.#graceMs = options.graceMs;
    this.#graceMaxMs = Math.max(options.graceMaxMs, options.graceMs);
  }

  get untilMs(): number {
    return this.#untilMs;
  }

  holds(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** One full window from then on. */
  from(nowMs: number): void {
    if (!this.holds(nowMs)) this.#sinceMs = nowMs;
    this.#untilMs = Math.max(this.#untilMs, nowMs + this.#graceMs);
  }

  /** Nothing was let in between these two times. */
  stood(fromMs: number, toMs: number): void {
    if (this.holds(fromMs)) this.#sinceMs += toMs - fromMs;
    else this.#sinceMs = toMs;
    this.#untilMs = Math.max(this.#untilMs, Math.min(toMs + this.#graceMs, this.#sinceMs + this.#graceMaxMs));
  }
}
