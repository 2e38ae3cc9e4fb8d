import { isExcluded } from "./excluded.ts";
import type { ExplainView } from "./explain.ts";
import { JoinedPool } from "./joined-pool.ts";
import { ListedPool } from "./listed-pool.ts";
import type { Choice } from "./policies.ts";
import type { Pool } from "./pool.ts";
import { filterOf, type PoolFilter } from "./pool-filter.ts";
import type { PrefixMemory } from "./prefix-memory.ts";
import type { Room } from "./room.ts";
import type { RingView, SessionRings } from "./session-rings.ts";
import type { ReserveRequest } from "./types.ts";

/** What a choice needs to know of the worker table. */
export interface ChoiceView extends ExplainView, RingView {
  /** Rows of one hive's workers. */
  rowsOfHive(hiveId: string): readonly number[];
}

export interface ChoiceDeps {
  readonly view: ChoiceView;
  readonly room: Room;
  readonly rings: SessionRings;
  readonly prefixes: PrefixMemory;
}

/** Of one request: the workers that it may go to, and what a policy may ask of them. */
export class RequestChoice implements Choice {
  readonly request: ReserveRequest;
  readonly pool: Pool;
  readonly accepts: ((seat: number) => boolean) | undefined;
  readonly random: () => number;
  readonly #deps: ChoiceDeps;
  readonly #groups: readonly number[];
  readonly #filter: PoolFilter | undefined;
  /** With a wish for one hive: its seats. */
  readonly #onHive: readonly number[] | undefined;

  /** @param groups the models that the request means. */
  constructor(deps: ChoiceDeps, request: ReserveRequest, groups: readonly number[], random: () => number) {
    this.request = request;
    this.random = random;
    this.#deps = deps;
    this.#groups = groups;
    this.#filter = filterOf(request);
    this.accepts =
      request.exclude === undefined || request.exclude.length === 0 ? undefined : (seat) => !this.#isExcluded(seat);
    this.#onHive = request.hive_id === undefined ? undefined : this.#seatsOnHive(request.hive_id);
    this.pool = this.#onHive === undefined ? this.#poolOfAll() : new ListedPool(deps.room, this.#onHive);
  }

  allows(seat: number): boolean {
    return this.#deps.room.isOpen(seat) && this.isWanted(seat) && this.#onHive?.includes(seat) !== false;
  }

  /** What the request asks for besides model and hive, with room or without. */
  isWanted(seat: number): boolean {
    return (
      (this.#filter === undefined || this.#deps.room.passes(this.#filter, seat)) &&
      (this.accepts === undefined || this.accepts(seat))
    );
  }

  isDegraded(seat: number): boolean {
    return this.#deps.room.isDegraded(seat);
  }

  isFlapping(seat: number): boolean {
    return this.#deps.room.isFlapping(seat);
  }

  load(seat: number): number {
    return this.#deps.room.score("loaded", seat);
  }

  findBySession(session: string, passes: (seat: number) => boolean): number {
    return this.#deps.rings.of(this.#groups).find(session, passes);
  }

  /** With any of the models. */
  findByPrefix(prefixKey: string, passes: (seat: number) => boolean): number {
    const { view, prefixes } = this.#deps;
    let best = -1;
    let most = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const group of this.#groups) {
      for (const { worker, pieces } of prefixes.find(view.modelOf(group), prefixKey)) {
        if (pieces < most) break;
        const seat = this.#seatOfToken(worker, group);
        if (seat === -1 || !passes(seat)) continue;
        const load = this.load(seat);
        if (pieces > most || load < least) [best, most, least] = [seat, pieces, load];
      }
    }
    return best;
  }

  /** All seats that have one of the models, on the hive that was wished for: with room or without, wanted or not. */
  *seats(): Generator<number> {
    if (this.#onHive !== undefined) yield* this.#onHive;
    else for (const group of this.#groups) yield* this.#deps.view.seatsOf(group);
  }

  #isExcluded(seat: number): boolean {
    const { view } = this.#deps;
    const row = view.rowOf(seat);
    return isExcluded(this.request.exclude ?? [], view.rows.hiveIdAt(row), view.rows.idAt(row));
  }

  #poolOfAll(): Pool {
    const { room } = this.#deps;
    if (this.#groups.length === 1) return this.#poolOf(this.#groups[0] as number);
    return new JoinedPool(
      room,
      this.#groups.map((group) => this.#poolOf(group)),
    );
  }

  #poolOf(group: number): Pool {
    const { room } = this.#deps;
    return this.#filter === undefined ? room.poolOf(group) : room.poolThrough(group, this.#filter);
  }

  /** Few workers: looked at one by one. */
  #seatsOnHive(hiveId: string): number[] {
    const { view, room } = this.#deps;
    const seats: number[] = [];
    for (const row of view.rowsOfHive(hiveId)) {
      room.readFirst(row);
      for (let seat = view.firstSeat(row); seat !== -1; seat = view.nextSeat(seat)) {
        const isMeant = this.#groups.includes(view.groupOf(seat));
        if (isMeant && (this.#filter === undefined || room.passes(this.#filter, seat))) seats.push(seat);
      }
    }
    return seats;
  }

  #seatOfToken(token: number, group: number): number {
    const { view, room } = this.#deps;
    const row = room.rowOfToken(token);
    if (row === -1) return -1;
    let seat = view.firstSeat(row);
    while (seat !== -1 && view.groupOf(seat) !== group) seat = view.nextSeat(seat);
    return seat;
  }
}
