interface Entry {
  readonly atMs: number;
  /** Of two at the same time the one that was put in first comes first. */
  readonly order: number;
  act: (() => void) | undefined;
}

/** The world's clock, whole of every world: 1 January 2026. */
export const BEGINNING_MS = 1_767_225_600_000;

/** What will happen, in order, and the only clock there is: it jumps from one event to the next. */
export class Agenda {
  readonly #heap: Entry[] = [];
  #orders = 0;
  #nowMs: number = BEGINNING_MS;

  /** Ms since epoch. */
  readonly now = (): number => this.#nowMs;

  /** Returns what takes it off the agenda. */
  after(delayMs: number, act: () => void): () => void {
    return this.at(this.#nowMs + Math.max(0, delayMs), act);
  }

  at(atMs: number, act: () => void): () => void {
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), order: this.#orders++, act };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return () => {
      entry.act = undefined;
    };
  }

  /** Lets things happen up to and including a time. */
  runUntil(endMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= endMs; first = this.#heap[0]) this.#step();
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /**
   * Lets things happen as long as `goesOn` says so and something is left.
   *
   * @throws {Error} when that takes more than `eventsMax` events: the world would never come to an end.
   */
  runWhile(goesOn: () => boolean, eventsMax: number): void {
    for (let events = 0; goesOn() && this.#heap.length > 0; events++) {
      if (events >= eventsMax) throw new Error(`the simulated world did not come to its end in ${eventsMax} events`);
      this.#step();
    }
  }

  #step(): void {
    const first = this.#heap[0] as Entry;
    const last = this.#heap.pop() as Entry;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    if (first.act === undefined) return;
    this.#nowMs = first.atMs;
    first.act();
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #sink(): void {
    const heap = this.#heap;
    const entry = heap[0] as Entry;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, entry)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = entry;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
