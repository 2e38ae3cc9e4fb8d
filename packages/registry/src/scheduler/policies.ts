import type { ModelPool } from "./model-pool.ts";
import type { Policy, ReserveRequest } from "./types.ts";

/** What a policy may ask beside the pool. Seats are the workers of the pool. */
export interface Choice {
  readonly request: ReserveRequest;
  readonly pool: ModelPool;
  /** May be chosen at all: not excluded. Whoever has no room is not in the pool's orders. */
  accepts(seat: number): boolean;
  hasRoom(seat: number): boolean;
  /** Share of its slots that is taken, 0–1. */
  load(seat: number): number;
  /** 0 to 1, without 1. */
  random(): number;
  /** The session's own worker first, then those that follow it. */
  findBySession(session: string, accepts: (seat: number) => boolean): number;
  /** The worker that saw most of this beginning; -1 when none did. */
  findByPrefix(prefixKey: string): number;
}

/** With `prefix`: how much more loaded than the least loaded one the worker that knows the prompt may be. */
export const PREFIX_LOAD_MARGIN = 0.5;

/** Each gives the seat that it chooses, -1 when there is none. */
export const CHOOSE: Readonly<Record<Policy, (choice: Choice) => number>> = {
  best: ({ pool, accepts }) => pool.first("used", accepts),

  "least-load": ({ pool, accepts }) => pool.first("loaded", accepts),

  "round-robin": ({ pool, accepts }) => pool.first("turn", accepts),

  "power-of-two": ({ pool, accepts, load, random }) => {
    const any = () => pool.at(Math.floor(random() * pool.size));
    if (pool.size === 0) return -1;
    const [a, b] = [any(), any()];
    if (!accepts(a) || !accepts(b)) return pool.first("loaded", accepts);
    return load(b) < load(a) ? b : a;
  },

  session: ({ request, pool, accepts, hasRoom, findBySession }) =>
    request.session === undefined
      ? pool.first("used", accepts)
      : findBySession(request.session, (seat) => hasRoom(seat) && accepts(seat)),

  prefix: ({ request, pool, accepts, hasRoom, load, findByPrefix }) => {
    const least = pool.first("loaded", accepts);
    if (request.prefix_key === undefined || least === -1) return least;
    const knows = findByPrefix(request.prefix_key);
    if (knows === -1 || !hasRoom(knows) || !accepts(knows)) return least;
    return load(knows) - load(least) <= PREFIX_LOAD_MARGIN ? knows : least;
  },
};
