import type { Pool } from "./pool.ts";
import type { Policy, ReserveRequest } from "./types.ts";

/** What a policy may ask. Seats are the workers of the pool. */
export interface Choice {
  readonly request: ReserveRequest;
  readonly pool: Pool;
  /** Was not tried already. Undefined where nobody was. */
  readonly accepts: ((seat: number) => boolean) | undefined;
  /** Belongs to the pool, has room and is accepted. */
  allows(seat: number): boolean;
  isDegraded(seat: number): boolean;
  /** Its hive falls silent and comes back again and again. */
  isFlapping(seat: number): boolean;
  /** Share of its slots that is taken, 0–1; much more for one that is degraded or flaps. */
  load(seat: number): number;
  /** 0 to 1, without 1. */
  random(): number;
  /** The session's own worker first, then those that follow it; -1 when none passes. */
  findBySession(session: string, passes: (seat: number) => boolean): number;
  /** Of those that pass, the worker that saw most of this beginning, and of equals the least loaded; -1 when none did. */
  findByPrefix(prefixKey: string, passes: (seat: number) => boolean): number;
}

/**
 * With `prefix`: how much more loaded than the least loaded one a worker that knows the prompt may be. In simulation (a hundred
 * workers, eight slots, loads 0.4 and 0.7) 0.5 finds 97 % of what can be found and keeps the busiest worker below 1.4 times the
 * mean; 0.25 finds as little as 91 %, and 0.75 lets one worker have 1.8 times the mean.
 */
export const PREFIX_LOAD_MARGIN = 0.5;

/** Each gives the seat that it chooses, -1 when there is none. */
export const CHOOSE: Readonly<Record<Policy, (choice: Choice) => number>> = {
  best: ({ pool, accepts }) => pool.first("used", accepts),

  "least-load": ({ pool, accepts }) => pool.first("loaded", accepts),

  "round-robin": ({ pool, accepts }) => pool.first("turn", accepts),

  "power-of-two": (choice) => {
    const { pool, accepts } = choice;
    const [a, b] = [pool.any(choice.random), pool.any(choice.random)];
    if (a === -1 || b === -1) return -1;
    const less = choice.load(b) < choice.load(a) ? b : a;
    const tried = accepts !== undefined && !(accepts(a) && accepts(b));
    return tried || choice.isDegraded(less) || choice.isFlapping(less) ? pool.first("loaded", accepts) : less;
  },

  session: (choice) => {
    const { session } = choice.request;
    if (session === undefined) return choice.pool.first("used", choice.accepts);
    const steady = (seat: number) => choice.allows(seat) && !choice.isFlapping(seat);
    const healthy = choice.findBySession(session, (seat) => steady(seat) && !choice.isDegraded(seat));
    if (healthy !== -1) return healthy;
    const degraded = choice.findBySession(session, steady);
    if (degraded !== -1) return degraded;
    const flapping = choice.findBySession(session, (seat) => choice.allows(seat) && !choice.isDegraded(seat));
    return flapping === -1 ? choice.findBySession(session, (seat) => choice.allows(seat)) : flapping;
  },

  prefix: (choice) => {
    const least = choice.pool.first("loaded", choice.accepts);
    const { prefix_key } = choice.request;
    if (prefix_key === undefined || least === -1) return least;
    const loadMax = choice.load(least) + PREFIX_LOAD_MARGIN;
    const knows = choice.findByPrefix(prefix_key, (seat) => choice.allows(seat) && choice.load(seat) <= loadMax);
    return knows === -1 ? least : knows;
  },
};
