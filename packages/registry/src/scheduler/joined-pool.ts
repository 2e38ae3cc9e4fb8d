import { isBefore, type Order, type Pool, type Standing } from "./pool.ts";

/** The pools of several models as one: the best of their best. */
export class JoinedPool implements Pool {
  readonly #standing: Standing;
  readonly #pools: readonly Pool[];

  constructor(standing: Standing, pools: readonly Pool[]) {
    this.#standing = standing;
    this.#pools = pools;
  }

  get size(): number {
    let size = 0;
    for (const pool of this.#pools) size += pool.size;
    return size;
  }

  first(order: Order, passes?: (seat: number) => boolean): number {
    let best = -1;
    for (const pool of this.#pools) {
      const seat = pool.first(order, passes);
      if (isBefore(this.#standing, order, seat, best)) best = seat;
    }
    return best;
  }

  any(random: () => number): number {
    let at = random() * this.size;
    for (const pool of this.#pools) {
      if (at < pool.size) {
        const seat = pool.any(random);
        if (seat !== -1) return seat;
      }
      at -= pool.size;
    }
    // One of them shrank while it was asked; whoever is left will do.
    for (const pool of this.#pools) {
      const seat = pool.any(random);
      if (seat !== -1) return seat;
    }
    return -1;
  }
}
