import type { WorkerInfo } from "../types.ts";

/**
 * How a worker is chosen among those that have room.
 *
 * - `best`: least used, by requests or by others' work on its GPU, whichever is more; then the lower GPU usage.
 * - `least-load`: the smallest share of its slots taken, whatever its GPU does.
 * - `power-of-two`: the less loaded of two at random. For several schedulers that do not know of each other.
 * - `round-robin`: the one chosen least recently.
 * - `session`: the same one for the same session, as long as it is not overloaded.
 * - `prefix`: the one that saw the longest part of this prompt's beginning, unless it is overloaded.
 */
export const POLICIES = ["best", "least-load", "power-of-two", "round-robin", "session", "prefix"] as const;
export type Policy = (typeof POLICIES)[number];

/** What is asked of a worker. */
export interface ReserveRequest {
  readonly model: string;
  readonly policy?: Policy;
  readonly backend?: string;
  readonly hive_id?: string;
  /** Ids of workers that shall not be chosen: those that were tried already. */
  readonly exclude?: readonly string[];
  /** Requests of one session should meet the same worker. */
  readonly session?: string;
  /** The beginning of the prompt, or anything that is equal where prompts begin alike. */
  readonly prefix_key?: string;
  /** How long the reservation stands when nobody ends it, ms. */
  readonly ttl_ms?: number;
}

/** A place at a worker, held until it is released or its time is over. */
export interface Reservation {
  readonly reservation_id: string;
  readonly hive_id: string;
  readonly worker: WorkerInfo;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  /** Gives the place back. False when it was given back already. */
  release(): boolean;
}
