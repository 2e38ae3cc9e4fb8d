import { ApiError } from "../errors.ts";
import type { EngineLoad } from "./engine.ts";

/** A slot is lent to one request at a time. */
export interface Lease<T> {
  readonly slot: T;
  /** Gives the slot back, to the first in the queue. Giving back twice is harmless. */
  release(): void;
}

interface Waiting<T> {
  readonly prefer: (slot: T) => number;
  readonly admit: (lease: Lease<T>) => void;
}

/** Lends a fixed set of slots, first come first served, with a bounded queue. */
export class SlotPool<T> {
  readonly #total: number;
  readonly #maxQueued: number;
  /** Longest free first. */
  readonly #free: T[];
  readonly #queue: Waiting<T>[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(slots: readonly T[], options: { readonly maxQueued: number }) {
    this.#total = slots.length;
    this.#free = [...slots];
    this.#maxQueued = options.maxQueued;
  }

  load(): EngineLoad {
    return {
      slots_total: this.#total,
      slots_busy: this.#total - this.#free.length,
      queue_depth: this.#queue.length,
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Lends the free slot that `prefer` scores highest, ties to the one that was free longest; waits for one when there is none.
   *
   * @throws {ApiError} `QUEUE_FULL` when too many wait already; the signal's reason when it is aborted first.
   */
  async acquire(prefer: (slot: T) => number, signal: AbortSignal): Promise<Lease<T>> {
    signal.throwIfAborted();
    if (this.#free.length > 0) {
      const lease = this.#lend(prefer);
      this.#changed();
      return lease;
    }
    if (this.#queue.length >= this.#maxQueued) {
      throw new ApiError("QUEUE_FULL", `all ${this.#total} slots are busy and ${this.#queue.length} requests wait`);
    }
    return await new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#changed();
        reject(signal.reason);
      };
      const waiting: Waiting<T> = {
        prefer,
        admit: (lease) => {
          signal.removeEventListener("abort", leave);
          resolve(lease);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#queue.push(waiting);
      this.#changed();
    });
  }

  #lend(prefer: (slot: T) => number): Lease<T> {
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    this.#free.forEach((slot, index) => {
      const score = prefer(slot);
      if (score > bestScore) {
        best = index;
        bestScore = score;
      }
    });
    const slot = this.#free.splice(best, 1)[0] as T;
    let lent = true;
    return {
      slot,
      release: () => {
        if (!lent) return;
        lent = false;
        this.#free.push(slot);
        const first = this.#queue.shift();
        first?.admit(this.#lend(first.prefer));
        this.#changed();
      },
    };
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
