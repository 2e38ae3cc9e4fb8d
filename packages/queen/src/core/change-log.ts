import type { RegistryEvent } from "hive-registry";

/** Changes are kept for so long after the last reader left, ms: one whose connection broke comes back and goes on. */
export const KEPT_FOR_RETURN_MS = 60_000;

/**
 * The last changes, in order, for whoever follows the fleet: each reader keeps its own place, so a slow one costs nothing
 * but its place, and one that fell out at the far end has to start from a snapshot.
 *
 * While nobody follows nothing is kept: thousands of changes hold as many lists of workers alive, and the collector's work on
 * them is time that every heartbeat and question pays. Who comes back after that starts from a snapshot, too.
 */
export class ChangeLog {
  readonly #capacity: number;
  readonly #ring: (RegistryEvent | undefined)[];
  readonly #wakers: Set<() => void> = new Set();
  #last: number;
  /** Until when changes are kept without a reader; undefined until the first change that none reads. */
  #keepUntilMs: number | undefined = Number.NEGATIVE_INFINITY;

  /** @param revision of the registry now: the log begins behind it. */
  constructor(capacity: number, revision: number) {
    this.#capacity = capacity;
    this.#ring = new Array<RegistryEvent | undefined>(capacity).fill(undefined);
    this.#last = revision;
  }

  append(event: RegistryEvent): void {
    if (this.#keeps(event.at_ms)) this.#ring[event.revision % this.#capacity] = event;
    this.#last = event.revision;
    for (const wake of this.#wakers) wake();
  }

  /** Revision of the newest change. */
  get last(): number {
    return this.#last;
  }

  /** Whether everything after `revision` is still here. False also for a revision that has not been yet. */
  follows(revision: number): boolean {
    if (revision > this.#last) return false;
    return revision === this.#last || this.at(revision + 1) !== undefined;
  }

  at(revision: number): RegistryEvent | undefined {
    const event = this.#ring[revision % this.#capacity];
    return event?.revision === revision ? event : undefined;
  }

  /** Calls `wake` after each change; returns the end of it. What changes meanwhile is kept. */
  onAppend(wake: () => void): () => void {
    this.#wakers.add(wake);
    return () => {
      if (this.#wakers.delete(wake) && this.#wakers.size === 0) this.#keepUntilMs = undefined;
    };
  }

  get readers(): number {
    return this.#wakers.size;
  }

  /** What is here has no gap: when one change is not kept, none before it is. */
  #keeps(nowMs: number): boolean {
    if (this.#wakers.size > 0) return true;
    this.#keepUntilMs ??= nowMs + KEPT_FOR_RETURN_MS;
    if (nowMs < this.#keepUntilMs) return true;
    if (this.#keepUntilMs !== Number.NEGATIVE_INFINITY) {
      this.#ring.fill(undefined);
      this.#keepUntilMs = Number.NEGATIVE_INFINITY;
    }
    return false;
  }
}
