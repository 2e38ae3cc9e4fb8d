/**
 * Lets text through up to the first stop string. Text that may turn out to begin one is held back until that is settled,
 * so that a stop string never shows even in part, and how the text was cut into pieces makes no difference.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #longest: number;
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops;
    this.#longest = Math.max(0, ...stops.map((stop) => stop.length));
  }

  /** The text that may be shown now; with `stopped`, it is the last. Of several stop strings the one that is complete first counts. */
  push(text: string): { readonly text: string; readonly stopped: boolean } {
    const all = this.#held + text;
    const begins = this.#firstComplete(all);
    if (begins >= 0) {
      this.#held = "";
      return { text: all.slice(0, begins), stopped: true };
    }
    const settled = this.#beginsPartly(all);
    this.#held = all.slice(settled);
    return { text: all.slice(0, settled), stopped: false };
  }

  /** What was held back, once no more text comes. */
  end(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** Where the stop string begins that ends first (the longer one of two that end together); -1 when there is none. */
  #firstComplete(all: string): number {
    let first = { begins: -1, ends: Number.POSITIVE_INFINITY };
    for (const stop of this.#stops) {
      const begins = all.indexOf(stop);
      const ends = begins + stop.length;
      if (begins >= 0 && (ends < first.ends || (ends === first.ends && begins < first.begins)))
        first = { begins, ends };
    }
    return first.begins;
  }

  /** Where a suffix of `all` begins that is a proper beginning of a stop string; the length of `all` when none does. */
  #beginsPartly(all: string): number {
    for (let at = Math.max(0, all.length - this.#longest + 1); at < all.length; at++) {
      const suffix = all.slice(at);
      if (this.#stops.some((stop) => stop.length > suffix.length && stop.startsWith(suffix))) return at;
    }
    return all.length;
  }
}
