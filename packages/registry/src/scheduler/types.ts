import type { Labels, WorkerInfo } from "../types.ts";

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
  /** A model's name, an alias of it, or one of the same normal form: see `normalModelName`. */
  readonly model: string;
  readonly policy?: Policy;
  readonly backend?: string;
  readonly hive_id?: string;
  /** Only workers on hives that have all of these labels, with these values. */
  readonly labels?: Labels;
  /**
   * Workers that shall not be chosen, those that were tried already: by id, which means its namesakes on other hives too, or
   * as `HIVE/WORKER`.
   */
  readonly exclude?: readonly string[];
  /** Requests of one session should meet the same worker. */
  readonly session?: string;
  /** The beginning of the prompt, or anything that is equal where prompts begin alike. */
  readonly prefix_key?: string;
  /** How long the reservation stands when nobody ends it, ms. */
  readonly ttl_ms?: number;
  /**
   * Nobody will tell when the request ends: the reservation ends with the first report of its worker that contains it, and
   * from then on the worker's own numbers count.
   */
  readonly handed_over?: boolean;
}

/**
 * How it went with the worker. `ok`: it answered. `error`: it failed, and is put aside for a while. `cancelled`: the one
 * who asked left, which says nothing about the worker.
 */
export const OUTCOMES = ["ok", "error", "cancelled"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A place at a worker, held until it is released or its time is over. */
export interface Reservation {
  readonly reservation_id: string;
  readonly hive_id: string;
  readonly worker: WorkerInfo;
  /** The name under which this worker knows the model that was asked for. */
  readonly model: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  /** Gives the place back; `ok` unless said otherwise. False when it was given back already. */
  release(outcome?: Outcome): boolean;
}

/** A place that is held now, at one worker. */
export interface HeldPlace {
  readonly reservation_id: string;
  readonly created_at_ms: number;
  /** Then it ends by itself. */
  readonly expires_at_ms: number;
  /** It ends with its worker's first report of the request. */
  readonly handed_over: boolean;
}

/** Why a worker of the model was not chosen. The first that applies, in this order. */
export const REASONS = [
  "no_url",
  "loading",
  "draining",
  "hive_silent",
  "hive_suspect",
  "other_hive",
  "other_backend",
  "other_label",
  "excluded",
  "set_aside",
  "no_room",
  "outscored",
] as const;
export type Reason = (typeof REASONS)[number];

/** One worker of the model as the policy sees it. */
export interface Candidate {
  readonly hive_id: string;
  readonly worker_id: string;
  readonly url?: string;
  /** The name under which it knows the model. */
  readonly model: string;
  /** By the policy; lower is better. Absent where it could not be chosen whatever its score. */
  readonly score?: number;
  /** Share of its slots that is taken, 0–1; more when requests wait in it. */
  readonly load?: number;
  /** Requests that it has, others' and ours. */
  readonly requests?: number;
  readonly slots?: number;
  /** It comes after all healthy ones, whatever its score. */
  readonly degraded?: boolean;
  /** Absent for the one that would be chosen. */
  readonly reason?: Reason;
  /** With `set_aside`: when it may be tried again, ms since epoch. */
  readonly set_aside_until_ms?: number;
}

/** How far an explanation looks; what is left out is as far as it may. Each worker that is looked at takes about a microsecond. */
export interface ExplainLook {
  /** Candidates that it lists. */
  readonly candidatesMax?: number;
  /** Workers of the model that it looks at, beside the chosen one. */
  readonly lookedAtMax?: number;
  /** With which of them it begins; it goes around. Whoever explains often counts this on, and sees all of them in time. */
  readonly from?: number;
}

/** Who would be chosen now, and why not the others. */
export interface Explanation {
  readonly policy: Policy;
  /** As it was asked for. */
  readonly model: string;
  /** The models that it means. */
  readonly resolved: readonly string[];
  readonly chosen?: { readonly hive_id: string; readonly worker_id: string; readonly model: string };
  /** Best first, those that cannot be chosen last. */
  readonly candidates: readonly Candidate[];
  /** Workers of the model that are not listed here. */
  readonly left_out: number;
}
