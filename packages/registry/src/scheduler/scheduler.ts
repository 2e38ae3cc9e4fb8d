import type { HiveWorker, WorkerInfo } from "../types.ts";
import { CHOOSE, type Choice } from "./policies.ts";
import { PrefixMemory } from "./prefix-memory.ts";
import { ReservationBook } from "./reservation-book.ts";
import { Room, type RoomView } from "./room.ts";
import { SessionRing } from "./session-ring.ts";
import type { Explanation, Policy, Reservation, ReserveRequest } from "./types.ts";

/** A reservation that nobody ends ends by itself after so long: longer than an answer takes, shorter than a day lost. */
export const TTL_DEFAULT_MS = 600_000;
export const TTL_MAX_MS = 3_600_000;
/** Beginnings of prompts that are remembered, pieces: some megabytes. */
const PREFIX_PIECES_MAX = 100_000;

/** What the scheduler needs to know of the worker table. */
export interface SchedulerView extends RoomView {
  /** The groups of the models that a name means; none when no worker has one. */
  resolveModel(name: string): readonly number[];
  modelOf(group: number): string;
  workerAt(row: number): HiveWorker;
  hasBackend(backend: string): boolean;
  /** Counts up whenever a worker comes to a model or leaves it. */
  membershipOf(group: number): number;
  /** Rows of one hive's workers. */
  rowsOfHive(hiveId: string): readonly number[];
  /** More or less is reserved at the worker than before. */
  reservationsChanged(row: number, count: number): void;
}

export interface SchedulerOptions {
  readonly random: () => number;
  /** Of requests that name none. */
  readonly policy: Policy;
}

/**
 * Chooses a worker and reserves a place at it in one step, so that no two requests get the same place, however many come
 * between two heartbeats. Rules: design, "Scheduler".
 */
export class Scheduler {
  readonly #view: SchedulerView;
  readonly #random: () => number;
  readonly #policy: Policy;
  readonly #onFreed: (row: number) => void;
  readonly #room: Room;
  readonly #book: ReservationBook = new ReservationBook();
  readonly #rings: Map<number, { readonly membership: number; readonly ring: SessionRing }> = new Map();
  readonly #prefixes: PrefixMemory = new PrefixMemory(PREFIX_PIECES_MAX);
  readonly #idPrefix: string;
  #made = 0;

  /** @param onFreed is told of each place that is given back, after it was. */
  constructor(view: SchedulerView, onFreed: (row: number) => void, options: SchedulerOptions) {
    this.#view = view;
    this.#onFreed = onFreed;
    this.#random = options.random;
    this.#policy = options.policy;
    this.#room = new Room(view);
    this.#idPrefix = Math.floor(options.random() * 2 ** 48).toString(36);
  }

  /** Places that are reserved now. */
  get active(): number {
    return this.#book.size;
  }

  /** O(log n) in the workers of the model, once it was asked for. Undefined when none has room. */
  reserve(request: ReserveRequest, nowMs: number): Reservation | undefined {
    const group = this.#view.resolveModel(request.model)[0];
    if (group === undefined) return undefined;
    // Before a pool is made for it: names that anybody may think up must not take memory.
    if (request.backend !== undefined && !this.#view.hasBackend(request.backend)) return undefined;
    const choice = this.#choiceFor(request, group);
    const seat =
      request.hive_id === undefined
        ? CHOOSE[request.policy ?? this.#policy](choice)
        : this.#bestOnHive(request.hive_id, group, choice);
    if (seat === -1) return undefined;
    const row = this.#view.rowOf(seat);
    const reserved = this.#take(
      row,
      this.#view.modelOf(group),
      nowMs,
      Math.min(request.ttl_ms ?? TTL_DEFAULT_MS, TTL_MAX_MS),
    );
    if (request.prefix_key !== undefined) this.#prefixes.remember(request.model, request.prefix_key, nameOf(reserved));
    return reserved;
  }

  /** @returns the row whose place was given back; undefined when that had happened already. */
  release(reservationId: string): number | undefined {
    const row = this.#book.end(reservationId);
    if (row === undefined) return undefined;
    this.#room.giveBack(row);
    this.#view.reservationsChanged(row, this.#room.reservedAt(row));
    this.#onFreed(row);
    return row;
  }

  /** Ends those whose time is over. */
  expire(nowMs: number): void {
    for (const id of this.#book.expired(nowMs)) this.release(id);
  }

  // ---- what the worker table tells ----------------------------------------------------------------------------------

  reported(row: number, worker: WorkerInfo, reportedAtMs: number): void {
    this.#room.reported(row, this.#book.containedIn(row, worker, reportedAtMs));
  }

  refreshed(row: number): void {
    this.#room.refreshed(row);
  }

  seatAdded(seat: number): void {
    this.#room.seatAdded(seat);
  }

  seatRemoved(seat: number, group: number): void {
    this.#room.seatRemoved(seat, group);
  }

  groupRemoved(group: number): void {
    this.#room.groupRemoved(group);
    this.#rings.delete(group);
  }

  rowRemoved(row: number): void {
    this.#book.endAllAt(row);
    this.#room.rowRemoved(row);
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #take(row: number, model: string, nowMs: number, ttlMs: number): Reservation {
    const reservation_id = `${this.#idPrefix}-${(++this.#made).toString(36)}`;
    const expires_at_ms = nowMs + ttlMs;
    this.#book.add(reservation_id, row, nowMs, expires_at_ms);
    this.#room.reserve(row);
    this.#view.reservationsChanged(row, this.#room.reservedAt(row));
    return {
      reservation_id,
      ...this.#view.workerAt(row),
      model,
      created_at_ms: nowMs,
      expires_at_ms,
      release: () => this.release(reservation_id) !== undefined,
    };
  }

  explain(request: ReserveRequest): Explanation {
    const groups = this.#view.resolveModel(request.model);
    const resolved = groups.map((group) => this.#view.modelOf(group));
    return { policy: request.policy ?? this.#policy, model: request.model, resolved, candidates: [], left_out: 0 };
  }

  #choiceFor(request: ReserveRequest, group: number): Choice {
    const view = this.#view;
    const room = this.#room;
    const exclude = request.exclude ?? [];
    return {
      request,
      pool: room.poolOf(group, request.backend),
      accepts: (seat) => exclude.length === 0 || !exclude.includes(view.infoAt(view.rowOf(seat)).worker_id),
      hasRoom: (seat) => {
        const row = view.rowOf(seat);
        return room.isOpen(row) && (request.backend === undefined || view.infoAt(row).backend === request.backend);
      },
      load: (seat) => room.loadAt(view.rowOf(seat)),
      random: this.#random,
      findBySession: (session, accepts) => this.#ringOf(group).find(session, accepts),
      findByPrefix: (prefixKey) => this.#seatOf(this.#prefixes.find(request.model, prefixKey), group),
    };
  }

  /** Few workers: looked at one by one. */
  #bestOnHive(hiveId: string, group: number, { accepts, hasRoom }: Choice): number {
    let best = -1;
    for (const row of this.#view.rowsOfHive(hiveId)) {
      for (let seat = this.#view.firstSeat(row); seat !== -1; seat = this.#view.nextSeat(seat)) {
        if (this.#view.groupOf(seat) !== group || !hasRoom(seat) || !accepts(seat)) continue;
        if (best === -1 || this.#room.score("used", seat) < this.#room.score("used", best)) best = seat;
      }
    }
    return best;
  }

  /** Made anew when a worker came or went since, O(n log n) in the workers of the model. */
  #ringOf(group: number): SessionRing {
    const membership = this.#view.membershipOf(group);
    const known = this.#rings.get(group);
    if (known?.membership === membership) return known.ring;
    const members = Array.from(this.#view.seatsOf(group), (seat) => ({
      member: seat,
      name: nameOf(this.#view.workerAt(this.#view.rowOf(seat))),
    }));
    const ring = new SessionRing(members);
    this.#rings.set(group, { membership, ring });
    return ring;
  }

  #seatOf(name: string | undefined, group: number): number {
    if (name === undefined) return -1;
    const [hiveId, workerId] = JSON.parse(name) as [string, string];
    for (const row of this.#view.rowsOfHive(hiveId)) {
      if (this.#view.infoAt(row).worker_id !== workerId) continue;
      for (let seat = this.#view.firstSeat(row); seat !== -1; seat = this.#view.nextSeat(seat)) {
        if (this.#view.groupOf(seat) === group) return seat;
      }
    }
    return -1;
  }
}

/** What a worker is called as long as it lives: unique in the fleet. */
const nameOf = ({ hive_id, worker }: HiveWorker): string => JSON.stringify([hive_id, worker.worker_id]);
