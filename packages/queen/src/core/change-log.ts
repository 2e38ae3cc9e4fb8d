import type { HiveRegistry, RegistryEvent } from "hive-registry";

/** Changes are kept for so long after the last reader left, ms: one whose connection broke comes back and goes on. */
export const KEPT_FOR_RETURN_MS = 60_000;

/**
 * The last changes, in order, for whoever follows the fleet: each reader keeps its own place, so a slow one costs nothing
 * but its place, and one that fell out at the far end has to start from a snapshot.
 *
 * While nobody follows nothing is kept, and the registry is not asked for changes: making them, and the collector's work on
 * thousands of lists of workers, is time that every heartbeat and question pays. Who comes back after that starts from a
 * snapshot, too.
 */
export class ChangeLog {
  readonly #registry: Pick<HiveRegistry, "revision" | "subscribe">;
  readonly #capacity: number;
  readonly #ring: (RegistryEvent | undefined)[];
  readonly #wakers: Set<() => void> = new Set();
  /** Revision of the newest change, while they are kept. */
  #last = 0;
  /** Ends the keeping; undefined while nothing is kept. */
  #forget: (() => void) | undefined = undefined;
  /** Until when changes are kept without a reader; undefined until the first change that none reads. */
  #keepUntilMs: number | undefined = undefined;

  constructor(registry: Pick<HiveRegistry, "revision" | "subscribe">, capacity: number) {
    this.#registry = registry;
    this.#capacity = capacity;
    this.#ring = new Array<RegistryEvent | undefined>(capacity).fill(undefined);
  }

  /** Revision of the newest change. */
  get last(): number {
    return this.#forget === undefined ? this.#registry.revision : this.#last;
  }

  /** Whether everything after `revision` is still here. False also for a revision that has not been yet. */
  follows(revision: number): boolean {
    const { last } = this;
    if (revision > last) return false;
    return revision === last || this.at(revision + 1) !== undefined;
  }

  at(revision: number): RegistryEvent | undefined {
    const event = this.#ring[revision % this.#capacity];
    return event?.revision === revision ? event : undefined;
  }

  /** Calls `wake` after each change; returns the end of it. What changes meanwhile is kept. */
  onAppend(wake: () => void): () => void {
    this.#wakers.add(wake);
    this.#keep();
    return () => {
      if (this.#wakers.delete(wake) && this.#wakers.size === 0) this.#keepUntilMs = undefined;
    };
  }

  get readers(): number {
    return this.#wakers.size;
  }

  #keep(): void {
    this.#keepUntilMs = undefined;
    if (this.#forget !== undefined) return;
    this.#last = this.#registry.revision;
    const stop = this.#registry.subscribe((event) => this.#append(event));
    this.#forget = () => {
      stop();
      this.#ring.fill(undefined);
      this.#forget = undefined;
    };
  }

  #append(event: RegistryEvent): void {
    // It was on its way when the keeping began, and is in every snapshot since.
    if (event.revision <= this.#last) return;
    this.#last = event.revision;
    if (this.#wakers.size === 0) {
      this.#keepUntilMs ??= event.at_ms + KEPT_FOR_RETURN_MS;
      if (event.at_ms >= this.#keepUntilMs) {
        this.#forget?.();
        return;
      }
    }
    this.#ring[event.revision % this.#capacity] = event;
    for (const wake of this.#wakers) wake();
  }
}
