/**
 * The queen's clock as this page can know it: each message says what time it was when the queen sent it, and came a little
 * later. The smallest delay seen is nearest to the truth.
 */
export class QueenTime {
  readonly #localMs: () => number;
  #aheadMs: number | undefined = undefined;

  /** `localMs` never goes backwards. */
  constructor(localMs: () => number) {
    this.#localMs = localMs;
  }

  /** A snapshot begins anew: this machine may have slept, or it is another queen. */
  heard(atMs: number, options: { readonly anew: boolean }): void {
    const aheadMs = atMs - this.#localMs();
    if (options.anew || this.#aheadMs === undefined || aheadMs > this.#aheadMs) this.#aheadMs = aheadMs;
  }

  /** Ms since epoch; this machine's own guess before anything was heard. */
  nowMs(): number {
    return this.#localMs() + (this.#aheadMs ?? 0);
  }
}
