import { grownCapacity, grownFloat64, grownInt32 } from "../grow.ts";
import { Records } from "../records.ts";
import type { WorkerInfo } from "../types.ts";
import { capacityOf, foreignGpuPercent, foreignRequests } from "./load.ts";
import { ModelPool, type Order, type Ranking } from "./model-pool.ts";

/** What the room needs to know of the worker table. */
export interface RoomView {
  infoAt(row: number): WorkerInfo;
  isHiveAlive(row: number): boolean;
  rowOf(seat: number): number;
  groupOf(seat: number): number;
  /** Seats of one worker as a list: the first, and after each the next; -1 at the end. */
  firstSeat(row: number): number;
  nextSeat(seat: number): number;
  /** Seats of all workers that have one model. */
  seatsOf(group: number): Iterable<number>;
}

/** Puts every degraded worker behind every healthy one. */
const DEGRADED_PENALTY = 1e6;
/** In a tie the GPU usage, in tenths of a percent, comes before the number of the last choice: room for 10¹² choices. */
const CHOICES_MAX = 2 ** 40;

/**
 * Who has room for another request, model by model. A worker's load is what others asked of it, as far as it reports, and
 * what is reserved at it: right to the last request, however old the report. A model costs nothing until the first
 * reservation asks for it; from then on each report and each reservation moves its worker in the model's orders, O(log n).
 */
export class Room implements Ranking {
  readonly #view: RoomView;
  /** By model, and then by the backend they are limited to; "" is any. */
  readonly #pools: Map<number, Map<string, ModelPool>> = new Map();
  /** By backend: where a seat stands in the orders of that kind of pool. */
  readonly #positions: Map<string, Records> = new Map();
  // Columns of the rows.
  #reserved: Int32Array = new Int32Array(0);
  #foreign: Int32Array = new Int32Array(0);
  #capacity: Int32Array = new Int32Array(0);
  #chosen: Float64Array = new Float64Array(0);
  /** Whether the last report is contained in the columns above. */
  #isRead: Int32Array = new Int32Array(0);
  #choices = 0;

  constructor(view: RoomView) {
    this.#view = view;
  }

  /** The pool of a model, or of those of its workers with a backend. Made at the first call, O(workers of the model). */
  poolOf(group: number, backend = ""): ModelPool {
    let pools = this.#pools.get(group);
    if (pools === undefined) {
      pools = new Map();
      this.#pools.set(group, pools);
      for (const seat of this.#view.seatsOf(group)) this.#readFirst(this.#view.rowOf(seat));
    }
    let pool = pools.get(backend);
    if (pool !== undefined) return pool;
    pool = new ModelPool(this, this.#positionsOf(backend), backend);
    pools.set(backend, pool);
    for (const seat of this.#view.seatsOf(group)) this.#placeIn(pool, seat, this.#view.rowOf(seat));
    return pool;
  }

  /** The worker reported, or its hive's status changed. `oursInReport`: how many of our reservations the report contains. */
  reported(row: number, oursInReport: number): void {
    // While no pool is there, only where something of ours stands must reports be followed; others are read when asked for.
    if (this.#pools.size === 0 && this.reservedAt(row) === 0) {
      if (row < this.#isRead.length) this.#isRead[row] = 0;
      return;
    }
    this.#fitRow(row);
    this.#readReport(row, oursInReport);
    this.#place(row);
  }

  /** Its hive's status changed: what it reported stays. */
  refreshed(row: number): void {
    if (this.#pools.size > 0 && row < this.#reserved.length) this.#place(row);
  }

  seatAdded(seat: number): void {
    const pools = this.#pools.get(this.#view.groupOf(seat));
    if (pools === undefined) return;
    const row = this.#view.rowOf(seat);
    this.#readFirst(row);
    for (const pool of pools.values()) this.#placeIn(pool, seat, row);
  }

  seatRemoved(seat: number, group: number): void {
    for (const pool of this.#pools.get(group)?.values() ?? []) pool.place(seat, false);
  }

  groupRemoved(group: number): void {
    this.#pools.delete(group);
  }

  /** The row will be another worker's. */
  rowRemoved(row: number): void {
    if (row >= this.#reserved.length) return;
    this.#reserved[row] = 0;
    this.#foreign[row] = 0;
    this.#capacity[row] = 0;
    this.#chosen[row] = 0;
    this.#isRead[row] = 0;
  }

  reserve(row: number): void {
    this.#reserved[row] = (this.#reserved[row] as number) + 1;
    this.#chosen[row] = ++this.#choices;
    this.#place(row);
  }

  giveBack(row: number): void {
    this.#reserved[row] = (this.#reserved[row] as number) - 1;
    this.#place(row);
  }

  reservedAt(row: number): number {
    return this.#reserved[row] ?? 0;
  }

  capacityAt(row: number): number {
    return this.#capacity[row] ?? 0;
  }

  /** Requests that it has: others', as far as it reports them, and ours. */
  requestsAt(row: number): number {
    return (this.#foreign[row] ?? 0) + (this.#reserved[row] ?? 0);
  }

  /** Share of its slots that is taken, 0–1; more when it has a queue, `Infinity` when it has no slots. */
  loadAt(row: number): number {
    const capacity = this.capacityAt(row);
    return capacity === 0 ? Number.POSITIVE_INFINITY : this.requestsAt(row) / capacity;
  }

  /** How much of it is in use, 0–100: by requests, or by others' work on its GPU, whichever is more. */
  usageAt(row: number): number {
    return Math.max(100 * this.loadAt(row), foreignGpuPercent(this.#view.infoAt(row)));
  }

  /** Whether one more request can go there now. */
  isOpen(row: number): boolean {
    const info = this.#view.infoAt(row);
    return (
      info.state !== "Loading" &&
      info.url !== undefined &&
      info.draining !== true &&
      this.requestsAt(row) < this.capacityAt(row) &&
      this.#view.isHiveAlive(row)
    );
  }

  score(order: Order, seat: number): number {
    const row = this.#view.rowOf(seat);
    const penalty = this.#view.infoAt(row).health_status === "degraded" ? DEGRADED_PENALTY : 0;
    if (order === "used") return penalty + this.usageAt(row);
    return order === "loaded" ? penalty + this.loadAt(row) : penalty;
  }

  tie(order: Order, seat: number): number {
    const row = this.#view.rowOf(seat);
    const chosen = this.#chosen[row] as number;
    if (order !== "used") return chosen;
    return Math.round((this.#view.infoAt(row).gpu_percent ?? 100) * 10) * CHOICES_MAX + chosen;
  }

  #readReport(row: number, oursInReport: number): void {
    const info = this.#view.infoAt(row);
    this.#foreign[row] = foreignRequests(info, oursInReport);
    this.#capacity[row] = capacityOf(info, oursInReport);
    this.#isRead[row] = 1;
  }

  /** Reads a report that was passed over when it came: nothing of ours was there then. */
  #readFirst(row: number): void {
    this.#fitRow(row);
    if (this.#isRead[row] === 0) this.#readReport(row, 0);
  }

  #place(row: number): void {
    for (let seat = this.#view.firstSeat(row); seat !== -1; seat = this.#view.nextSeat(seat)) {
      for (const pool of this.#pools.get(this.#view.groupOf(seat))?.values() ?? []) this.#placeIn(pool, seat, row);
    }
  }

  #placeIn(pool: ModelPool, seat: number, row: number): void {
    const isMember = pool.backend === "" || this.#view.infoAt(row).backend === pool.backend;
    pool.place(seat, isMember && this.isOpen(row));
  }

  #positionsOf(backend: string): Records {
    let positions = this.#positions.get(backend);
    if (positions === undefined) {
      positions = new Records();
      this.#positions.set(backend, positions);
    }
    return positions;
  }

  #fitRow(row: number): void {
    if (row < this.#reserved.length) return;
    const capacity = grownCapacity(row + 1, this.#reserved.length);
    this.#reserved = grownInt32(this.#reserved, capacity);
    this.#foreign = grownInt32(this.#foreign, capacity);
    this.#capacity = grownInt32(this.#capacity, capacity);
    this.#chosen = grownFloat64(this.#chosen, capacity);
    this.#isRead = grownInt32(this.#isRead, capacity);
  }
}
