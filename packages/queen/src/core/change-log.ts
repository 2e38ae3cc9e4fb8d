import type { RegistryEvent } from "hive-registry";

/**
 * The last changes, in order, for whoever follows the fleet: each reader keeps its own place, so a slow one costs nothing
 * but its place, and one that fell out at the far end has to start from a snapshot.
 */
export class ChangeLog {
  readonly #capacity: number;
  readonly #ring: (RegistryEvent | undefined)[];
  readonly #wakers: Set<() => void> = new Set();
  #last: number;

  /** @param revision of the registry now: the log begins behind it. */
  constructor(capacity: number, revision: number) {
    this.#capacity = capacity;
    this.#ring = new Array<RegistryEvent | undefined>(capacity).fill(undefined);
    this.#last = revision;
  }

  append(event: RegistryEvent): void {
    this.#ring[event.revision % this.#capacity] = event;
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

  /** Calls `wake` after each change; returns the end of it. */
  onAppend(wake: () => void): () => void {
    this.#wakers.add(wake);
    return () => this.#wakers.delete(wake);
  }

  get readers(): number {
    return this.#wakers.size;
  }
}
