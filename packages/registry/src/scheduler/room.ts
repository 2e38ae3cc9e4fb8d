import { floatAt, intAt, Records } from "../indexes/records.ts";
import type { Backend, Labels } from "../types.ts";
import { ListedPool } from "./listed-pool.ts";
import { capacityOf, foreignRequests, type ReportedLoad, reportedRequests } from "./load.ts";
import { EVERY_SEAT, OrderedPool, SomeSeats } from "./ordered-pool.ts";
import type { Order, Pool, Standing } from "./pool.ts";
import { hasBackend, hasLabels, type PoolFilter } from "./pool-filter.ts";

/** What workers are called and last reported, by row. */
export interface Reports extends ReportedLoad {
  idAt(row: number): string;
  hiveIdAt(row: number): string;
  urlAt(row: number): string | undefined;
  backendAt(row: number): Backend | undefined;
  isDegraded(row: number): boolean;
  isDraining(row: number): boolean;
  /** NaN: it does not say. */
  gpuPercentAt(row: number): number;
}

/** What the room needs to know of the worker table. */
export interface RoomView {
  readonly rows: Reports;
  isHiveAlive(row: number): boolean;
  isHiveFlapping(row: number): boolean;
  labelsAt(row: number): Labels | undefined;
  rowOf(seat: number): number;
  groupOf(seat: number): number;
  /** Seats of one worker as a list: the first, and after each the next; -1 at the end. */
  firstSeat(row: number): number;
  nextSeat(seat: number): number;
  /** Seats of all workers that have one model. */
  seatsOf(group: number): Iterable<number>;
}

/** Puts every degraded worker behind every healthy one. */
export const DEGRADED_PENALTY = 1e6;
/** Puts every worker on a hive that flaps behind all others. */
export const FLAPPING_PENALTY = 4e6;
/** In a tie the GPU usage, in tenths of a percent, comes before the number of the last choice: room for 10¹² choices. */
const CHOICES_MAX = 2 ** 40;
/** Pools that are kept in order for a backend or for labels. A heartbeat is looked at by each one of its model. */
export const FILTERED_POOLS_MAX = 64;
/** A kept pool that so many choices passed by may give its place to another. */
export const UNUSED_CHOICES_MAX = 10_000;

// A row: floats, then ints.
/** The number of the last choice that fell on it. */
const CHOSEN = 0;
/** GPU usage, 0–100; 100 when it does not say. */
const GPU = 1;
const RESERVED = 4;
const FOREIGN = 5;
const CAPACITY = 6;
const FLAGS = 7;

// The flags; above them, how many workers had the row before.
/** The last report is contained in the record. */
const READ = 1;
/** It takes requests at all, as far as its report and its hive's status tell. */
const READY = 2;
const DEGRADED = 4;
/** Its GPU works, and not for requests that it told of: for others. */
const GPU_IS_OTHERS = 8;
/** It failed and is not to be tried now. */
const ASIDE = 16;
/** Its hive falls silent and comes back again and again. */
const FLAPPING = 32;
const GENERATION = 256;
const GENERATIONS_MAX = 2 ** 22;
/** Of a token: room for so many rows. */
const ROWS_MAX = 2 ** 28;

interface FilteredPool {
  readonly group: number;
  readonly filter: PoolFilter;
  readonly pool: OrderedPool;
  usedAt: number;
}

/**
 * Who has room for another request, model by model. A worker's load is what others asked of it, as far as it reports, and
 * what is reserved at it: right to the last request, however old the report. A model costs nothing until the first
 * reservation asks for it; from then on each report and each reservation keeps its worker's record, and its place in the
 * model's orders where it got better.
 */
export class Room implements Standing {
  readonly #view: RoomView;
  readonly #rows: Records = new Records();
  /** By group. */
  readonly #pools: (OrderedPool | undefined)[] = [];
  #poolCount = 0;
  /** Where each seat stands in the orders of its model. */
  readonly #positions: Records = new Records();
  /** Pools of a backend or of labels: by group and filter. */
  readonly #filtered: Map<string, FilteredPool> = new Map();
  #choices = 0;

  constructor(view: RoomView) {
    this.#view = view;
  }

  // ---- pools --------------------------------------------------------------------------------------------------------

  /** All workers of a model. Made at the first call, O(workers of the model). */
  poolOf(group: number): OrderedPool {
    return this.#pools[group] ?? this.#makePool(group);
  }

  /** Those of a model that a filter lets through: kept in order from now on, where there is place for one more such pool. */
  poolThrough(group: number, filter: PoolFilter): Pool {
    const key = `${group} ${filter.key}`;
    const known = this.#filtered.get(key);
    if (known !== undefined) {
      known.usedAt = this.#choices;
      return known.pool;
    }
    const members = this.seatsThrough(group, filter);
    // What anybody may think up must not take memory, nor drive out what is in use.
    if (members.length === 0 || !this.#hasPlaceForPool()) return new ListedPool(this, members);
    const pool = new OrderedPool(this, new SomeSeats(), new Records());
    this.#filtered.set(key, { group, filter, pool, usedAt: this.#choices });
    for (const seat of members) pool.improve(seat);
    return pool;
  }

  /** Seats of a model that a filter lets through, with room or without. */
  seatsThrough(group: number, filter: PoolFilter): number[] {
    this.poolOf(group);
    const seats: number[] = [];
    for (const seat of this.#view.seatsOf(group)) if (this.passes(filter, seat)) seats.push(seat);
    return seats;
  }

  passes(filter: PoolFilter, seat: number): boolean {
    const row = this.#view.rowOf(seat);
    return hasBackend(filter, this.#view.rows.backendAt(row)) && hasLabels(filter, this.#view.labelsAt(row));
  }

  /** Pools that are kept in order. */
  get poolCount(): number {
    return this.#poolCount + this.#filtered.size;
  }

  // ---- what happens to workers --------------------------------------------------------------------------------------

  /** The worker reported. `oursInReport`: how many of our reservations the report contains. */
  reported(row: number, oursInReport: number): void {
    // While no pool is there, only where something of ours stands must reports be followed; others are read when asked for.
    if (this.#poolCount === 0 && oursInReport === 0 && this.reservedAt(row) === 0) {
      if (row < this.#rows.size) this.#setFlag(row, READ, false);
      return;
    }
    this.#rows.fit(row, 0);
    this.#read(row, oursInReport);
    this.#leaveFilters(row);
    this.#improve(row);
  }

  /** Its hive's status or labels changed: what it reported stays. */
  refreshed(row: number): void {
    if (row >= this.#rows.size) return;
    this.#setFlag(row, READY, this.#takesRequests(row));
    this.#setFlag(row, FLAPPING, this.#view.isHiveFlapping(row));
    this.#leaveFilters(row);
    this.#improve(row);
  }

  seatAdded(seat: number): void {
    if (this.#pools[this.#view.groupOf(seat)] === undefined) return;
    this.readFirst(this.#view.rowOf(seat));
    this.#improveSeat(seat);
  }

  seatRemoved(seat: number, group: number): void {
    this.#pools[group]?.remove(seat);
    for (const each of this.#filtered.values()) if (each.group === group) each.pool.remove(seat);
  }

  groupRemoved(group: number): void {
    if (this.#pools[group] === undefined) return;
    this.#pools[group] = undefined;
    this.#poolCount--;
    for (const [key, each] of this.#filtered) if (each.group === group) this.#filtered.delete(key);
  }

  /** The row will be another worker's. */
  rowRemoved(row: number): void {
    if (row >= this.#rows.size) return;
    const generation = (this.#generationOf(row) + 1) % GENERATIONS_MAX;
    this.#rows.ints.fill(0, intAt(row, 0), intAt(row + 1, 0));
    this.#rows.ints[intAt(row, FLAGS)] = generation * GENERATION;
  }

  reserve(row: number): void {
    const { ints, floats } = this.#rows;
    const at = intAt(row, RESERVED);
    ints[at] = (ints[at] as number) + 1;
    floats[floatAt(row, CHOSEN)] = ++this.#choices;
  }

  giveBack(row: number): void {
    const at = intAt(row, RESERVED);
    this.#rows.ints[at] = (this.#rows.ints[at] as number) - 1;
    this.#improve(row);
  }

  /** It failed and gets nothing for now, or may be tried again. */
  setAside(row: number, aside: boolean): void {
    this.#rows.fit(row, 0);
    this.#setFlag(row, ASIDE, aside);
    if (!aside) this.#improve(row);
  }

  // ---- how a worker stands ------------------------------------------------------------------------------------------

  reservedAt(row: number): number {
    return row < this.#rows.size ? (this.#rows.ints[intAt(row, RESERVED)] as number) : 0;
  }

  capacityAt(row: number): number {
    return this.#rows.ints[intAt(row, CAPACITY)] as number;
  }

  /** Requests that it has: others', as far as it reports them, and ours. */
  requestsAt(row: number): number {
    const { ints } = this.#rows;
    return (ints[intAt(row, FOREIGN)] as number) + (ints[intAt(row, RESERVED)] as number);
  }

  /** Share of its slots that is taken, 0–1; more when it has a queue, `Infinity` when it has no slots. */
  loadAt(row: number): number {
    const capacity = this.capacityAt(row);
    return capacity === 0 ? Number.POSITIVE_INFINITY : this.requestsAt(row) / capacity;
  }

  hasRoom(row: number): boolean {
    return this.requestsAt(row) < this.capacityAt(row);
  }

  /** Takes requests, as far as its report and its hive's status tell, whether it has room or not. */
  isReady(row: number): boolean {
    return this.#hasFlag(row, READY);
  }

  isAside(row: number): boolean {
    return this.#hasFlag(row, ASIDE);
  }

  isDegraded(seat: number): boolean {
    return this.#hasFlag(this.#view.rowOf(seat), DEGRADED);
  }

  isFlapping(seat: number): boolean {
    return this.#hasFlag(this.#view.rowOf(seat), FLAPPING);
  }

  /** What puts it behind others however little it has to do. */
  penalty(seat: number): number {
    return penaltyOf(this.#rows.ints[intAt(this.#view.rowOf(seat), FLAGS)] as number);
  }

  isOpen(seat: number): boolean {
    const row = this.#view.rowOf(seat);
    return ((this.#rows.ints[intAt(row, FLAGS)] as number) & (READY | ASIDE)) === READY && this.hasRoom(row);
  }

  score(order: Order, seat: number): number {
    const row = this.#view.rowOf(seat);
    const flags = this.#rows.ints[intAt(row, FLAGS)] as number;
    const penalty = penaltyOf(flags);
    if (order === "turn") return penalty;
    const load = this.loadAt(row);
    if (order === "loaded") return penalty + load;
    // How much of it is in use, 0–100: by requests, or by others' work on its GPU, whichever is more.
    const others = (flags & GPU_IS_OTHERS) === 0 ? 0 : (this.#rows.floats[floatAt(row, GPU)] as number);
    return penalty + Math.max(100 * load, others);
  }

  tie(order: Order, seat: number): number {
    const { floats } = this.#rows;
    const row = this.#view.rowOf(seat);
    const chosen = floats[floatAt(row, CHOSEN)] as number;
    return order === "used" ? Math.round((floats[floatAt(row, GPU)] as number) * 10) * CHOICES_MAX + chosen : chosen;
  }

  /** A number for the worker that has this row now, which no later one of the row will have. */
  tokenOf(row: number): number {
    return this.#generationOf(row) * ROWS_MAX + row;
  }

  /** -1 when the worker is gone. */
  rowOfToken(token: number): number {
    const row = token % ROWS_MAX;
    return row < this.#rows.size && this.tokenOf(row) === token ? row : -1;
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #makePool(group: number): OrderedPool {
    const pool = new OrderedPool(this, EVERY_SEAT, this.#positions);
    this.#pools[group] = pool;
    this.#poolCount++;
    for (const seat of this.#view.seatsOf(group)) {
      this.readFirst(this.#view.rowOf(seat));
      pool.improve(seat);
    }
    return pool;
  }

  /** Of many, one that nobody asks for any more makes place. */
  #hasPlaceForPool(): boolean {
    if (this.#filtered.size < FILTERED_POOLS_MAX) return true;
    for (const [key, { usedAt }] of this.#filtered) {
      if (this.#choices - usedAt <= UNUSED_CHOICES_MAX) continue;
      this.#filtered.delete(key);
      return true;
    }
    return false;
  }

  #read(row: number, oursInReport: number): void {
    const { rows } = this.#view;
    const { ints, floats } = this.#rows;
    ints[intAt(row, FOREIGN)] = foreignRequests(rows, row, oursInReport);
    ints[intAt(row, CAPACITY)] = capacityOf(rows, row, oursInReport);
    const gpu = rows.gpuPercentAt(row);
    floats[floatAt(row, GPU)] = Number.isNaN(gpu) ? 100 : gpu;
    // While it works for us its GPU usage is our own doing, and tells nothing.
    const gpuIsOthers = !Number.isNaN(gpu) && reportedRequests(rows, row) === 0;
    ints[intAt(row, FLAGS)] =
      READ |
      ((ints[intAt(row, FLAGS)] as number) & ~(GENERATION - 1)) |
      ((ints[intAt(row, FLAGS)] as number) & ASIDE) |
      (this.#takesRequests(row) ? READY : 0) |
      (rows.isDegraded(row) ? DEGRADED : 0) |
      (this.#view.isHiveFlapping(row) ? FLAPPING : 0) |
      (gpuIsOthers ? GPU_IS_OTHERS : 0);
  }

  /** Reads a report that was passed over when it came: nothing of ours was there then. */
  readFirst(row: number): void {
    this.#rows.fit(row, 0);
    if (!this.#hasFlag(row, READ)) this.#read(row, 0);
  }

  #takesRequests(row: number): boolean {
    const { rows } = this.#view;
    return (
      rows.stateAt(row) !== "Loading" &&
      rows.urlAt(row) !== undefined &&
      !rows.isDraining(row) &&
      this.#view.isHiveAlive(row)
    );
  }

  #improve(row: number): void {
    for (let seat = this.#view.firstSeat(row); seat !== -1; seat = this.#view.nextSeat(seat)) this.#improveSeat(seat);
  }

  #improveSeat(seat: number): void {
    const group = this.#view.groupOf(seat);
    this.#pools[group]?.improve(seat);
    if (this.#filtered.size === 0) return;
    for (const each of this.#filtered.values()) {
      if (each.group === group && this.passes(each.filter, seat)) each.pool.improve(seat);
    }
  }

  /** It may have another backend or other labels now. */
  #leaveFilters(row: number): void {
    if (this.#filtered.size === 0) return;
    for (let seat = this.#view.firstSeat(row); seat !== -1; seat = this.#view.nextSeat(seat)) {
      const group = this.#view.groupOf(seat);
      for (const each of this.#filtered.values()) {
        if (each.group === group && !this.passes(each.filter, seat)) each.pool.remove(seat);
      }
    }
  }

  #generationOf(row: number): number {
    return Math.floor((this.#rows.ints[intAt(row, FLAGS)] as number) / GENERATION);
  }

  #hasFlag(row: number, flag: number): boolean {
    return ((this.#rows.ints[intAt(row, FLAGS)] as number) & flag) !== 0;
  }

  #setFlag(row: number, flag: number, on: boolean): void {
    const { ints } = this.#rows;
    const at = intAt(row, FLAGS);
    ints[at] = on ? (ints[at] as number) | flag : (ints[at] as number) & ~flag;
  }
}

const penaltyOf = (flags: number): number =>
  ((flags & DEGRADED) === 0 ? 0 : DEGRADED_PENALTY) + ((flags & FLAPPING) === 0 ? 0 : FLAPPING_PENALTY);
