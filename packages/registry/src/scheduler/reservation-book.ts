import { DeadlineHeap, type Due } from "../deadline-heap.ts";
import type { WorkerInfo } from "../types.ts";

/** One reservation as the book keeps it. */
export interface BookEntry extends Due {
  readonly id: string;
  readonly row: number;
  readonly createdAtMs: number;
  /** Its worker's report ends it. */
  readonly handedOver: boolean;
}

/**
 * All reservations that stand, by id, by worker and by when they expire. Each ends exactly once, whoever ends it first:
 * release, time, or the worker's going.
 */
export class ReservationBook {
  readonly #byId: Map<string, BookEntry> = new Map();
  /** In the order in which they were made. */
  readonly #byRow: Map<number, BookEntry[]> = new Map();
  readonly #expiring: DeadlineHeap<BookEntry> = new DeadlineHeap();

  get size(): number {
    return this.#byId.size;
  }

  add(id: string, row: number, nowMs: number, expiresAtMs: number, handedOver: boolean): void {
    const entry: BookEntry = { id, row, createdAtMs: nowMs, handedOver, checkAtMs: expiresAtMs, deadlinePosition: -1 };
    this.#byId.set(id, entry);
    const atRow = this.#byRow.get(row);
    if (atRow === undefined) this.#byRow.set(row, [entry]);
    else atRow.push(entry);
    this.#expiring.schedule(entry, expiresAtMs, false);
  }

  /** @returns the worker's row; -1 when it had ended already. */
  end(id: string): number {
    const entry = this.#byId.get(id);
    if (entry === undefined) return -1;
    this.#byId.delete(id);
    this.#expiring.remove(entry);
    const atRow = this.#byRow.get(entry.row) as BookEntry[];
    if (atRow.length === 1) this.#byRow.delete(entry.row);
    else atRow.splice(atRow.indexOf(entry), 1);
    return entry.row;
  }

  /** One whose time is over. */
  nextExpired(nowMs: number): string | undefined {
    return this.#expiring.due(nowMs)?.id;
  }

  /** When the next one's time is over, ms; `Infinity` when there is none. */
  get nextExpiryMs(): number {
    return this.#expiring.firstMs;
  }

  /** The worker is gone, and what was reserved at it. */
  endAllAt(row: number): void {
    for (const { id } of [...(this.#byRow.get(row) ?? [])]) this.end(id);
  }

  /**
   * How many of ours a worker's report can contain: up to the one that it names as the last it admitted; when it names none
   * that stands, those made before the report.
   */
  containedIn(row: number, worker: WorkerInfo, reportedAtMs: number): number {
    if (this.#byRow.size === 0) return 0;
    const atRow = this.#byRow.get(row);
    if (atRow === undefined) return 0;
    const { last_reservation, last_handover } = worker;
    const echoed =
      last_reservation === undefined && last_handover === undefined
        ? -1
        : atRow.findLastIndex(({ id }) => id === last_reservation || id === last_handover);
    if (echoed !== -1) return echoed + 1;
    let contained = 0;
    while (contained < atRow.length && (atRow[contained] as BookEntry).createdAtMs < reportedAtMs) contained++;
    return contained;
  }

  /** Of the first `count` at a worker, the ids of those that its report ends. */
  handedOverAt(row: number, count: number): string[] {
    if (count === 0) return [];
    const contained = this.#byRow.get(row)?.slice(0, count) ?? [];
    return contained.filter(({ handedOver }) => handedOver).map(({ id }) => id);
  }
}
