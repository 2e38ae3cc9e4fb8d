import type { HiveWorker } from "../types.ts";
import { Breaker, type BreakerLimits } from "./breaker.ts";
import { type ChoiceDeps, type ChoiceView, RequestChoice } from "./choice.ts";
import { explain } from "./explain.ts";
import { CHOOSE } from "./policies.ts";
import { PrefixMemory } from "./prefix-memory.ts";
import { RecentEndings } from "./recent-endings.ts";
import { type BookEntry, type Echoes, ReservationBook } from "./reservation-book.ts";
import { type Reports, Room } from "./room.ts";
import { SessionRings } from "./session-rings.ts";
import type { ExplainLook, Explanation, HeldPlace, Outcome, Policy, Reservation, ReserveRequest } from "./types.ts";

/** A reservation that nobody ends ends by itself after so long: longer than an answer takes, shorter than a day lost. */
export const TTL_DEFAULT_MS = 600_000;
export const TTL_MAX_MS = 3_600_000;
/** Beginnings of prompts that are remembered, pieces: some megabytes. */
const PREFIX_PIECES_MAX = 100_000;
/** So many workers are looked at to find out whether all of a model are set aside. */
const LAST_RESORT_LOOKED_AT_MAX = 1_000;

/** What the scheduler needs to know of the worker table. */
export interface SchedulerView extends ChoiceView {
  readonly rows: Reports & Echoes;
  workerAt(row: number): HiveWorker;
  /** The groups of the models that a name means; none when no worker has one. */
  resolveModel(name: string): readonly number[];
  /** Less is reserved at the worker than before, or it is no longer set aside. */
  gotBetter(row: number, wasAside: boolean): void;
  /** It failed a request and is set aside until then. */
  failed(row: number, untilMs: number): void;
  /** It had failed, and took a request well. */
  recovered(row: number): void;
}

export interface SchedulerOptions {
  readonly random: () => number;
  /** Of requests that name none. */
  readonly policy: Policy;
  readonly breaker: BreakerLimits;
}

/**
 * Chooses a worker and reserves a place at it in one step, so that no two requests get the same place, however many come
 * between two heartbeats. Rules: design, "Scheduler".
 */
export class Scheduler {
  readonly room: Room;
  readonly breaker: Breaker;
  readonly #view: SchedulerView;
  readonly #now: () => number;
  readonly #onFreed: (row: number) => void;
  readonly #random: () => number;
  readonly #policy: Policy;
  readonly #book: ReservationBook;
  readonly #endings: RecentEndings = new RecentEndings();
  readonly #rings: SessionRings;
  readonly #deps: ChoiceDeps;
  readonly #prefixes: PrefixMemory = new PrefixMemory(PREFIX_PIECES_MAX);

  constructor(
    deps: {
      readonly view: SchedulerView;
      /** For reservations that are released by themselves. */
      readonly now: () => number;
      /** A place was given back, or a worker may be tried again. */
      readonly onFreed: (row: number) => void;
    },
    options: SchedulerOptions,
  ) {
    const { view } = deps;
    this.#view = view;
    this.#now = deps.now;
    this.#onFreed = deps.onFreed;
    this.#random = options.random;
    this.#policy = options.policy;
    this.room = new Room(view);
    this.breaker = new Breaker(options.breaker);
    this.#rings = new SessionRings(view);
    this.#deps = { view, room: this.room, rings: this.#rings, prefixes: this.#prefixes };
    this.#book = new ReservationBook(Math.floor(options.random() * 2 ** 48).toString(36));
  }

  /** Places that are reserved now. */
  get active(): number {
    return this.#book.size;
  }

  /** O(log n) in the workers of the model, once it was asked for. Undefined when none has room. */
  reserve(request: ReserveRequest, nowMs: number): Reservation | undefined {
    const groups = this.#view.resolveModel(request.model);
    if (groups.length === 0) return undefined;
    const seat = this.#choose(new RequestChoice(this.#deps, request, groups, this.#random), nowMs);
    if (seat === -1) return undefined;
    const row = this.#view.rowOf(seat);
    const group = this.#view.groupOf(seat);
    const model = this.#view.modelOf(group);
    if (request.prefix_key !== undefined) this.#prefixes.remember(model, request.prefix_key, this.room.tokenOf(row));
    return this.#take(request, row, model, nowMs);
  }

  /** @returns false when it had ended already. */
  release(reservationId: string, outcome: Outcome, nowMs: number): boolean {
    const entry = this.#book.find(reservationId);
    return entry !== undefined && this.#end(entry, outcome, nowMs);
  }

  /** Ends the reservations whose time is over, and the pauses. */
  expire(nowMs: number): void {
    // The one who reserved was lost, which says nothing of the worker.
    for (let entry = this.#book.nextExpired(nowMs); entry !== undefined; entry = this.#book.nextExpired(nowMs)) {
      this.#end(entry, "cancelled", nowMs);
    }
    if (this.breaker.size === 0) return;
    for (let row = this.breaker.nextDue(nowMs); row !== -1; row = this.breaker.nextDue(nowMs)) {
      this.#settle(row);
      this.#onFreed(row);
    }
  }

  /** When {@link expire} may have something to do next, ms; `Infinity` when nothing is reserved and nobody is set aside. */
  get nextDueMs(): number {
    return Math.min(this.#book.nextExpiryMs, this.breaker.nextMs);
  }

  /** Changes nothing, and takes nothing from chance. */
  explain(request: ReserveRequest, nowMs: number, look?: ExplainLook): Explanation {
    const policy = request.policy ?? this.#policy;
    const groups = this.#view.resolveModel(request.model);
    // Of two by chance it is most likely the least loaded one.
    const certain = policy === "power-of-two" ? { ...request, policy: "least-load" as const } : request;
    const choice = new RequestChoice(this.#deps, certain, groups, () => 0);
    const chosen = groups.length === 0 ? -1 : this.#choose(choice, nowMs);
    const { session, prefix_key } = request;
    return explain(
      { view: this.#view, room: this.room, breaker: this.breaker },
      {
        ...{ request, policy, groups, chosen },
        knows:
          policy !== "prefix" || prefix_key === undefined
            ? -1
            : choice.findByPrefix(prefix_key, (seat) => seat === chosen),
        ring: policy !== "session" || session === undefined ? undefined : this.#rings.of(groups).following(session),
      },
      look,
    );
  }

  /** What is reserved at a worker, oldest first. */
  heldAt(row: number, max: number): HeldPlace[] {
    return this.#book.heldAt(row, max);
  }

  // ---- what the worker table tells ----------------------------------------------------------------------------------

  reported(row: number, reportedAtMs: number): void {
    const contained = this.#book.containedIn(row, this.#view.rows, reportedAtMs);
    const ended = this.#endings.at(row, reportedAtMs);
    if (contained === 0) {
      this.room.reported(row, ended);
      return;
    }
    const handedOver = this.#book.handedOverAt(row, contained);
    for (const entry of handedOver) {
      this.#book.end(entry);
      this.breaker.cancelled(row, entry.id);
      this.room.giveBack(row);
    }
    if (handedOver.length > 0) this.#settle(row);
    this.room.reported(row, contained - handedOver.length + ended);
  }

  refreshed(row: number): void {
    this.room.refreshed(row);
  }

  /** The worker was started anew: what it did before says nothing any more. */
  restarted(row: number): void {
    if (this.breaker.size > 0 && this.breaker.forget(row)) this.#settle(row);
  }

  seatAdded(seat: number): void {
    this.room.seatAdded(seat);
  }

  seatRemoved(seat: number, group: number): void {
    this.room.seatRemoved(seat, group);
  }

  groupRemoved(group: number): void {
    this.room.groupRemoved(group);
  }

  rowRemoved(row: number): void {
    this.#book.endAllAt(row);
    this.#endings.forget(row);
    this.breaker.forget(row);
    this.room.rowRemoved(row);
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #choose(choice: RequestChoice, nowMs: number): number {
    const seat = CHOOSE[choice.request.policy ?? this.#policy](choice);
    return seat !== -1 || this.breaker.size === 0 ? seat : this.#lastResort(choice, nowMs);
  }

  /**
   * When every worker that could take the request is set aside, waiting out a long pause would help nobody: the one whose
   * pause ends first is tried, a second after it failed or after another request was let through. So who has one worker
   * waits no longer than that for the next try.
   */
  #lastResort(choice: RequestChoice, nowMs: number): number {
    let best = -1;
    let bestUntilMs = Number.POSITIVE_INFINITY;
    let looked = 0;
    for (const seat of choice.seats()) {
      if (++looked > LAST_RESORT_LOOKED_AT_MAX) return -1;
      const row = this.#view.rowOf(seat);
      if (!this.room.isReady(row) || this.room.capacityAt(row) === 0 || !choice.isWanted(seat)) continue;
      // It is only busy: what it has will end.
      if (!this.room.isAside(row)) return -1;
      const untilMs = this.breaker.untilMs(row) as number;
      if (untilMs >= bestUntilMs || !this.room.hasRoom(row) || !this.breaker.isLastResort(row, nowMs)) continue;
      best = seat;
      bestUntilMs = untilMs;
    }
    return best;
  }

  #take({ ttl_ms, handed_over }: ReserveRequest, row: number, model: string, nowMs: number): Reservation {
    const expires_at_ms = nowMs + Math.min(ttl_ms ?? TTL_DEFAULT_MS, TTL_MAX_MS);
    const entry = this.#book.add({ row, nowMs, expiresAtMs: expires_at_ms, handedOver: handed_over === true });
    const reservation_id = entry.id;
    this.room.reserve(row);
    if (this.breaker.size > 0) {
      this.breaker.given(row, reservation_id, nowMs);
      this.room.setAside(row, this.breaker.isAside(row));
    }
    const { hive_id, worker } = this.#view.workerAt(row);
    return {
      reservation_id,
      hive_id,
      worker,
      model,
      created_at_ms: nowMs,
      expires_at_ms,
      release: (outcome = "ok") => this.#end(entry, outcome, this.#now()),
    };
  }

  /** @returns false when it had ended already. */
  #end(entry: BookEntry, outcome: Outcome, nowMs: number): boolean {
    if (!this.#book.end(entry)) return false;
    const { row, id } = entry;
    this.#endings.add(row, nowMs);
    this.room.giveBack(row);
    const doubtedUntilMs = this.breaker.size === 0 ? undefined : this.breaker.untilMs(row);
    if (outcome === "error") this.breaker.failed(row, id, nowMs);
    else if (doubtedUntilMs !== undefined) {
      if (outcome === "ok") this.breaker.succeeded(row, id, nowMs);
      else this.breaker.cancelled(row, id);
    }
    if (outcome === "error" || doubtedUntilMs !== undefined) {
      const untilMs = this.breaker.untilMs(row);
      if (untilMs === undefined) this.#view.recovered(row);
      else if (untilMs !== doubtedUntilMs) this.#view.failed(row, untilMs);
    }
    this.#settle(row);
    this.#onFreed(row);
    return true;
  }

  /** The worker is set aside, or not, as the breaker says. */
  #settle(row: number): void {
    const aside = this.breaker.size > 0 && this.breaker.isAside(row);
    const wasAside = this.room.isAside(row);
    if (aside !== wasAside) this.room.setAside(row, aside);
    this.#view.gotBetter(row, wasAside);
  }
}
