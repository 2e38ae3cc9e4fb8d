import { CandidateHeap } from "../candidate-heap.ts";
import type { Records } from "../records.ts";

/** In which order those with room stand: least used first, least loaded first, or whose turn it is. */
export type Order = "used" | "loaded" | "turn";

/** Where a seat's record says how it stands in each order. */
const FIELD: Readonly<Record<Order, number>> = { used: 0, loaded: 1, turn: 2 };

const NONE = -1;

/** Score and tie-breaker of a worker in an order; lower is better. */
export interface Ranking {
  score(order: Order, seat: number): number;
  tie(order: Order, seat: number): number;
}

/** The workers of one model, or of one model and backend, that have room, in the orders that were asked for so far. */
export class ModelPool {
  /** The only backend it has, "" for any. */
  readonly backend: string;
  readonly #ranking: Ranking;
  readonly #positions: Records;
  readonly #orders: Map<Order, CandidateHeap> = new Map();

  constructor(ranking: Ranking, positions: Records, backend: string) {
    this.backend = backend;
    this.#ranking = ranking;
    this.#positions = positions;
    this.#orders.set("used", new CandidateHeap({ records: positions, field: FIELD.used }));
  }

  /** How many have room. */
  get size(): number {
    return this.#used.size;
  }

  /** One of those with room, `at` from 0 to `size - 1`: to choose at random. */
  at(at: number): number {
    return this.#used.itemAt(at);
  }

  /** The best of an order that passes, -1 when none does. */
  first(order: Order, passes: (seat: number) => boolean): number {
    return this.#order(order).firstWhere(passes);
  }

  /** Puts a seat where its ranking belongs, or takes it out. */
  place(seat: number, hasRoom: boolean): void {
    this.#positions.fit(seat, NONE);
    for (const [order, heap] of this.#orders) {
      if (!hasRoom) {
        if (heap.has(seat)) heap.remove(seat);
      } else if (heap.has(seat)) heap.update(seat, this.#ranking.score(order, seat), this.#ranking.tie(order, seat));
      else heap.add(seat, this.#ranking.score(order, seat), this.#ranking.tie(order, seat));
    }
  }

  get #used(): CandidateHeap {
    return this.#orders.get("used") as CandidateHeap;
  }

  /** An order costs nothing until it is asked for; then it is made of those that have room now. */
  #order(order: Order): CandidateHeap {
    const known = this.#orders.get(order);
    if (known !== undefined) return known;
    const heap = new CandidateHeap({ records: this.#positions, field: FIELD[order] });
    for (let at = 0; at < this.size; at++) {
      const seat = this.at(at);
      heap.add(seat, this.#ranking.score(order, seat), this.#ranking.tie(order, seat));
    }
    this.#orders.set(order, heap);
    return heap;
  }
}
