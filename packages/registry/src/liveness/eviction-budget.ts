/**
 * How many hives may be evicted: in each window a share of those known when it began, and at least one, so that a small
 * fleet is cleared up too. A window begins with the first eviction after the last one ended.
 */
export class EvictionBudget {
  readonly #share: number;
  readonly #windowMs: number;
  #endsAtMs = Number.NEGATIVE_INFINITY;
  #left = 0;

  constructor({ evictShare, windowMs }: { readonly evictShare: number; readonly windowMs: number }) {
    this.#share = evictShare;
    this.#windowMs = windowMs;
  }

  /** Takes one eviction off. @returns false when there is none left in this window. */
  take(nowMs: number, known: number): boolean {
    if (nowMs >= this.#endsAtMs) {
      this.#endsAtMs = nowMs + this.#windowMs;
      this.#left = Math.max(1, Math.floor(this.#share * known));
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
