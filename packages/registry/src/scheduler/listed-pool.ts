import { isBefore, type Order, type Pool, type Standing } from "./pool.ts";

/** A pool for one choice: a list of workers that is walked. For a few, and for wishes that are too rare to be kept in order. */
export class ListedPool implements Pool {
  readonly #standing: Standing;
  readonly #open: readonly number[];

  /** @param seats of which those without room are left out. */
  constructor(standing: Standing, seats: readonly number[]) {
    this.#standing = standing;
    this.#open = seats.filter((seat) => standing.isOpen(seat));
  }

  get size(): number {
    return this.#open.length;
  }

  first(order: Order, passes?: (seat: number) => boolean): number {
    let best = -1;
    for (const seat of this.#open) {
      if ((passes === undefined || passes(seat)) && isBefore(this.#standing, order, seat, best)) best = seat;
    }
    return best;
  }

  any(random: () => number): number {
    return this.#open[Math.floor(random() * this.#open.length)] ?? -1;
  }
}
