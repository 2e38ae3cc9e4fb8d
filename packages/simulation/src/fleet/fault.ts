/** What goes wrong with a request. */
export type Fault =
  /** It is taken, and after `after_tokens` (default 0: not even a header) nothing more comes; the connection stays open. */
  | { readonly kind: "hang"; readonly after_tokens?: number }
  /** The connection is cut after so many tokens (default 0). An answer in one piece is cut before its first byte. */
  | { readonly kind: "die"; readonly after_tokens?: number }
  /** Answered at once, and without taking a slot: a broken worker that looks idle. The body is `body`, as text. */
  | { readonly kind: "refuse"; readonly status?: number; readonly body?: string }
  /** The first byte comes so much later, ms: a model is loaded for it. */
  | { readonly kind: "slow"; readonly delay_ms: number };

export const FAULT_KINDS: readonly Fault["kind"][] = ["hang", "die", "refuse", "slow"];

/** Which requests a fault meets. */
export interface FaultScope {
  /** Of how many requests, 0–1. Default 1: all. */
  readonly share?: number;
  /** After so many it is over. Default: it stays. */
  readonly times?: number;
}

/** The fault that a worker has now, if any, and whom it meets next. */
export class FaultPlan {
  readonly #random: () => number;
  #fault: Fault | undefined;
  #share = 1;
  #left = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  set(fault: Fault, { share = 1, times = Number.POSITIVE_INFINITY }: FaultScope = {}): void {
    this.#fault = fault;
    this.#share = share;
    this.#left = times;
  }

  clear(): void {
    this.#fault = undefined;
  }

  /** What happens to the next request. */
  draw(): Fault | undefined {
    if (this.#fault === undefined || this.#left <= 0 || this.#random() >= this.#share) return undefined;
    this.#left--;
    return this.#fault;
  }
}
