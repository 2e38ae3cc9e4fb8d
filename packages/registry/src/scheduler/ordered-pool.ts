import { CandidateHeap } from "../indexes/candidate-heap.ts";
import type { Records } from "../indexes/records.ts";
import type { Order, Pool, Standing } from "./pool.ts";

/** Where an item's record says how it stands in each order. */
const FIELD: Readonly<Record<Order, number>> = { used: 0, loaded: 1, turn: 2 };
const NONE = -1;

/** Which numbers the seats of a pool have in its heaps. */
export interface PoolItems {
  /** -1 for a seat that it does not know. */
  itemOf(seat: number): number;
  seatOf(item: number): number;
  add(seat: number): number;
  remove(seat: number): void;
}

/**
 * The workers of one model, or those of them that a filter lets through, in the orders that were asked for so far.
 *
 * Nothing moves when a worker's standing gets worse: it keeps the better place that it had, and is put where it belongs when
 * it comes up first. Only who gets better is moved at once. So whoever is first and stands where it should is the best, and
 * a place that is taken and given back before the next choice costs no move at all.
 */
export class OrderedPool implements Pool {
  readonly #standing: Standing;
  readonly #items: PoolItems;
  readonly #positions: Records;
  readonly #used: CandidateHeap;
  #loaded: CandidateHeap | undefined = undefined;
  #turn: CandidateHeap | undefined = undefined;

  constructor(standing: Standing, items: PoolItems, positions: Records) {
    this.#standing = standing;
    this.#items = items;
    this.#positions = positions;
    this.#used = new CandidateHeap({ records: positions, field: FIELD.used });
  }

  get size(): number {
    return this.#used.size;
  }

  first(order: Order, passes?: (seat: number) => boolean): number {
    const heap = this.#heap(order);
    const passesItem = passes === undefined ? undefined : (item: number) => passes(this.#items.seatOf(item));
    for (;;) {
      const item = passesItem === undefined ? heap.first : heap.firstWhere(passesItem);
      if (item === NONE) return NONE;
      const seat = this.#items.seatOf(item);
      if (!this.#standing.isOpen(seat)) {
        heap.remove(item);
        continue;
      }
      const score = this.#standing.score(order, seat);
      const tie = this.#standing.tie(order, seat);
      if (heap.isAt(item, score, tie)) return seat;
      heap.update(item, score, tie);
    }
  }

  any(random: () => number): number {
    while (this.#used.size > 0) {
      const item = this.#used.itemAt(Math.floor(random() * this.#used.size));
      const seat = this.#items.seatOf(item);
      if (this.#standing.isOpen(seat)) return seat;
      this.#used.remove(item);
    }
    return NONE;
  }

  /** A worker came, or stands better than before. */
  improve(seat: number): void {
    if (!this.#standing.isOpen(seat)) return;
    let item = this.#items.itemOf(seat);
    if (item === NONE) item = this.#items.add(seat);
    this.#positions.fit(item, NONE);
    this.#improveIn(this.#used, "used", item, seat);
    if (this.#loaded !== undefined) this.#improveIn(this.#loaded, "loaded", item, seat);
    if (this.#turn !== undefined) this.#improveIn(this.#turn, "turn", item, seat);
  }

  /** The worker left. */
  remove(seat: number): void {
    const item = this.#items.itemOf(seat);
    if (item === NONE) return;
    this.#positions.fit(item, NONE);
    for (const heap of [this.#used, this.#loaded, this.#turn]) if (heap?.has(item)) heap.remove(item);
    this.#items.remove(seat);
  }

  #improveIn(heap: CandidateHeap, order: Order, item: number, seat: number): void {
    const score = this.#standing.score(order, seat);
    const tie = this.#standing.tie(order, seat);
    if (heap.has(item)) heap.improve(item, score, tie);
    else heap.add(item, score, tie);
  }

  #heap(order: Order): CandidateHeap {
    if (order === "used") return this.#used;
    if (order === "loaded") {
      this.#loaded ??= this.#ordered(order);
      return this.#loaded;
    }
    this.#turn ??= this.#ordered(order);
    return this.#turn;
  }

  /** An order costs nothing until it is asked for; then it is made of all that may have room. */
  #ordered(order: Order): CandidateHeap {
    const heap = new CandidateHeap({ records: this.#positions, field: FIELD[order] });
    for (let at = 0; at < this.#used.size; at++) {
      const item = this.#used.itemAt(at);
      const seat = this.#items.seatOf(item);
      heap.add(item, this.#standing.score(order, seat), this.#standing.tie(order, seat));
    }
    return heap;
  }
}

/** All seats of a model: each is its own number, and all models share one table of positions. */
export const EVERY_SEAT: PoolItems = {
  itemOf: (seat) => seat,
  seatOf: (item) => item,
  add: (seat) => seat,
  remove: () => {},
};

/** Some seats, numbered as they come, so that a pool of few takes little memory however large the fleet is. */
export class SomeSeats implements PoolItems {
  readonly #items: Map<number, number> = new Map();
  readonly #seats: number[] = [];
  readonly #free: number[] = [];

  itemOf(seat: number): number {
    return this.#items.get(seat) ?? NONE;
  }

  seatOf(item: number): number {
    return this.#seats[item] as number;
  }

  add(seat: number): number {
    const item = this.#free.pop() ?? this.#seats.length;
    this.#seats[item] = seat;
    this.#items.set(seat, item);
    return item;
  }

  remove(seat: number): void {
    const item = this.#items.get(seat);
    if (item === undefined) return;
    this.#items.delete(seat);
    this.#free.push(item);
  }
}
