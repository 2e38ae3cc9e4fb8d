import { DeadlineHeap, type Due } from "../indexes/deadline-heap.ts";
import { grownCapacity, grownInt32 } from "../indexes/grow.ts";
import type { HeldPlace } from "./types.ts";

/** The last reservations that workers said they had admitted, by row. */
export interface Echoes {
  lastReservationAt(row: number): string | undefined;
  lastHandoverAt(row: number): string | undefined;
}

/** One reservation as the book keeps it. */
export class BookEntry implements Due {
  readonly id: string;
  readonly row: number;
  readonly createdAtMs: number;
  /** Its worker's report ends it. */
  readonly handedOver: boolean;
  /** Where the book keeps it; -1 once it has ended. */
  place: number;
  // The others at the same worker, in the order in which they were made, in a circle.
  before: BookEntry = this;
  after: BookEntry = this;
  // Its place in the deadline heap.
  checkAtMs: number;
  deadlinePosition = -1;

  constructor(id: string, place: number, of: { row: number; nowMs: number; expiresAtMs: number; handedOver: boolean }) {
    this.id = id;
    this.place = place;
    this.row = of.row;
    this.createdAtMs = of.nowMs;
    this.checkAtMs = of.expiresAtMs;
    this.handedOver = of.handedOver;
  }
}

/** Between the parts of an id: which book made it, where it is kept there, and its number. */
const DASH = "-";

/**
 * All reservations that stand, by id, by worker and by when they expire. Each ends exactly once, whoever ends it first:
 * release, time, or the worker's going. An id says where its entry lies, so that neither making one nor ending it costs a
 * look into a table of texts.
 */
export class ReservationBook {
  readonly #idPrefix: string;
  readonly #entries: (BookEntry | undefined)[] = [];
  readonly #free: number[] = [];
  /** By row: the place of the oldest there, and 1; 0 where nothing is reserved. */
  #oldestAt: Int32Array = new Int32Array(0);
  readonly #expiring: DeadlineHeap<BookEntry> = new DeadlineHeap();
  #made = 0;
  #size = 0;

  /** @param name begins all ids; books that may be asked for each other's must have different ones. */
  constructor(name: string) {
    this.#idPrefix = name + DASH;
  }

  get size(): number {
    return this.#size;
  }

  add(of: { row: number; nowMs: number; expiresAtMs: number; handedOver: boolean }): BookEntry {
    const place = this.#free.pop() ?? this.#entries.length;
    const id = `${this.#idPrefix}${place}${DASH}${++this.#made}`;
    const entry = new BookEntry(id, place, of);
    this.#entries[place] = entry;
    this.#size++;
    const oldest = this.#oldest(of.row);
    if (oldest === undefined) this.#setOldest(of.row, entry);
    else {
      entry.before = oldest.before;
      entry.after = oldest;
      oldest.before.after = entry;
      oldest.before = entry;
    }
    this.#expiring.schedule(entry, of.expiresAtMs, false);
    return entry;
  }

  /** Undefined when it has ended, or never was. */
  find(id: string): BookEntry | undefined {
    if (!id.startsWith(this.#idPrefix)) return undefined;
    const place = Number.parseInt(id.slice(this.#idPrefix.length), 10);
    const entry = this.#entries[place];
    return entry?.id === id ? entry : undefined;
  }

  /** @returns false when it had ended already. */
  end(entry: BookEntry): boolean {
    const { place, row } = entry;
    if (place === -1) return false;
    entry.place = -1;
    this.#entries[place] = undefined;
    this.#free.push(place);
    this.#size--;
    this.#expiring.remove(entry);
    if (entry.after === entry) this.#oldestAt[row] = 0;
    else {
      entry.before.after = entry.after;
      entry.after.before = entry.before;
      if (this.#oldestAt[row] === place + 1) this.#setOldest(row, entry.after);
      // One that has ended and grown old must not keep those that came after it from the young generation's collector.
      entry.before = entry;
      entry.after = entry;
    }
    return true;
  }

  /** One whose time is over. */
  nextExpired(nowMs: number): BookEntry | undefined {
    return this.#expiring.due(nowMs);
  }

  /** When the next one's time is over, ms; `Infinity` when there is none. */
  get nextExpiryMs(): number {
    return this.#expiring.firstMs;
  }

  /** The worker is gone, and what was reserved at it. */
  endAllAt(row: number): void {
    for (let entry = this.#oldest(row); entry !== undefined; entry = this.#oldest(row)) this.end(entry);
  }

  /**
   * How many of ours a worker's report can contain: up to the last of those that it names as admitted; when it names none
   * that stands, those made before the report.
   */
  containedIn(row: number, echoes: Echoes, reportedAtMs: number): number {
    if (this.#oldest(row) === undefined) return 0;
    const [lastReservation, lastHandover] = [echoes.lastReservationAt(row), echoes.lastHandoverAt(row)];
    let echoed = 0;
    let earlier = 0;
    let at = 0;
    for (const { id, createdAtMs } of this.#at(row)) {
      at++;
      if (id === lastReservation || id === lastHandover) echoed = at;
      if (createdAtMs < reportedAtMs) earlier = at;
    }
    return echoed > 0 ? echoed : earlier;
  }

  /** Of the first `count` at a worker, those that its report ends. */
  handedOverAt(row: number, count: number): BookEntry[] {
    if (count === 0) return [];
    const found: BookEntry[] = [];
    let at = 0;
    for (const entry of this.#at(row)) {
      if (at++ >= count) break;
      if (entry.handedOver) found.push(entry);
    }
    return found;
  }

  /** At most so many of a worker's, oldest first. */
  heldAt(row: number, max: number): HeldPlace[] {
    const held: HeldPlace[] = [];
    for (const { id, createdAtMs, checkAtMs, handedOver } of this.#at(row)) {
      if (held.length >= max) break;
      held.push({ reservation_id: id, created_at_ms: createdAtMs, expires_at_ms: checkAtMs, handed_over: handedOver });
    }
    return held;
  }

  #oldest(row: number): BookEntry | undefined {
    const place = this.#oldestAt[row] ?? 0;
    return place === 0 ? undefined : this.#entries[place - 1];
  }

  #setOldest(row: number, entry: BookEntry): void {
    if (row >= this.#oldestAt.length)
      this.#oldestAt = grownInt32(this.#oldestAt, grownCapacity(row + 1, this.#oldestAt.length));
    this.#oldestAt[row] = entry.place + 1;
  }

  /** Those at a worker, oldest first. None may end meanwhile. */
  *#at(row: number): Generator<BookEntry> {
    const oldest = this.#oldest(row);
    if (oldest === undefined) return;
    let entry = oldest;
    do {
      yield entry;
      entry = entry.after;
    } while (entry !== oldest);
  }
}
