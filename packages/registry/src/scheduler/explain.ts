import type { HiveStatus } from "../types.ts";
import type { Breaker } from "./breaker.ts";
import { isExcluded } from "./excluded.ts";
import { PREFIX_LOAD_MARGIN } from "./policies.ts";
import { isBefore, type Order } from "./pool.ts";
import { filterOf, hasBackend, hasLabels } from "./pool-filter.ts";
import type { Room, RoomView } from "./room.ts";
import {
  type Candidate,
  type ExplainLook,
  type Explanation,
  type Policy,
  REASONS,
  type Reason,
  type ReserveRequest,
} from "./types.ts";

/** Candidates that an explanation lists; it counts the others. */
export const CANDIDATES_MAX = 100;
/** Workers that are looked at for them: of a larger model, any so many beside the chosen one. */
export const LOOKED_AT_MAX = 10_000;

/** What an explanation needs to know of the worker table. */
export interface ExplainView extends RoomView {
  modelOf(group: number): string;
  /** The `at`th of the group's seats, from 0; which one it is may change whenever one comes or goes. */
  seatAt(group: number, at: number): number;
  sizeOf(group: number): number;
  statusAt(row: number): HiveStatus;
}

/** A request, and what its policy made of it. */
export interface Chosen {
  readonly request: ReserveRequest;
  readonly policy: Policy;
  /** The models that the request means. */
  readonly groups: readonly number[];
  /** -1: nobody. */
  readonly chosen: number;
  /** The chosen one, with policy `prefix`, when it saw the beginning of the prompt; else -1. */
  readonly knows: number;
  /** The seats in the order in which the session prefers them, with policy `session`. */
  readonly ring: Iterable<number> | undefined;
}

interface Judged {
  readonly seat: number;
  readonly score: number | undefined;
  readonly reason: Reason | undefined;
}

const ORDER: Readonly<Record<Policy, Order>> = {
  ...{ best: "used", "least-load": "loaded", "power-of-two": "loaded" },
  ...{ "round-robin": "turn", session: "used", prefix: "loaded" },
};

/** Who would be chosen now, and why not the others: each worker of the model with its score, or with the first reason against it. */
export function explain(
  deps: { readonly view: ExplainView; readonly room: Room; readonly breaker: Breaker },
  asked: Chosen,
  look: ExplainLook = {},
): Explanation {
  const { view } = deps;
  const { request, policy, groups, chosen } = asked;
  const { candidatesMax = CANDIDATES_MAX, lookedAtMax = LOOKED_AT_MAX, from = 0 } = look;
  const seats = seatsOf(view, asked, Math.min(lookedAtMax, LOOKED_AT_MAX), from);
  const judged = judge(deps, asked, seats);
  const listed = judged
    .toSorted((a, b) => inOrder(deps.room, ORDER[policy], a, b))
    .slice(0, Math.min(candidatesMax, CANDIDATES_MAX));
  const total = groups.reduce((sum, group) => sum + view.sizeOf(group), 0);
  const explanation = {
    ...{ policy, model: request.model, resolved: groups.map((group) => view.modelOf(group)) },
    candidates: listed.map((one) => candidateOf(deps, one)),
    left_out: total - listed.length,
  };
  if (chosen === -1) return explanation;
  const row = view.rowOf(chosen);
  const [hive_id, worker_id] = [view.rows.hiveIdAt(row), view.rows.idAt(row)];
  return { ...explanation, chosen: { hive_id, worker_id, model: view.modelOf(view.groupOf(chosen)) } };
}

/** The chosen one and `max` in all; all models' seats stand in one circle, which is walked from `from` on. */
function seatsOf(view: ExplainView, { groups, chosen }: Chosen, max: number, from: number): Set<number> {
  const seats = new Set<number>(chosen === -1 ? [] : [chosen]);
  const total = groups.reduce((sum, group) => sum + view.sizeOf(group), 0);
  for (let walked = 0; walked < total && seats.size < max; walked++) {
    let at = (from + walked) % total;
    for (const group of groups) {
      const size = view.sizeOf(group);
      if (at < size) {
        seats.add(view.seatAt(group, at));
        break;
      }
      at -= size;
    }
  }
  return seats;
}

function judge(
  { view, room }: { readonly view: ExplainView; readonly room: Room },
  asked: Chosen,
  seats: Set<number>,
): Judged[] {
  const { request, chosen, policy } = asked;
  const { rows } = view;
  const filter = filterOf(request);
  const places = asked.ring === undefined ? undefined : placesOf(asked.ring, seats);
  const obstacle = (seat: number): Reason | undefined => {
    const row = view.rowOf(seat);
    const hive_id = rows.hiveIdAt(row);
    room.readFirst(row);
    const status = view.statusAt(row);
    if (rows.urlAt(row) === undefined) return "no_url";
    if (rows.stateAt(row) === "Loading") return "loading";
    if (rows.isDraining(row)) return "draining";
    if (status !== "alive") return status === "silent" ? "hive_silent" : "hive_suspect";
    if (request.hive_id !== undefined && request.hive_id !== hive_id) return "other_hive";
    if (filter !== undefined && !hasBackend(filter, rows.backendAt(row))) return "other_backend";
    if (filter !== undefined && !hasLabels(filter, view.labelsAt(row))) return "other_label";
    if (isExcluded(request.exclude ?? [], hive_id, rows.idAt(row))) return "excluded";
    if (room.isAside(row)) return "set_aside";
    return room.hasRoom(row) ? undefined : "no_room";
  };
  const scoreOf = (seat: number): number => {
    if (places !== undefined) return places.get(seat) ?? places.size;
    const order = ORDER[policy];
    if (order === "turn") return room.tie(order, seat);
    const score = room.score(order, seat) - room.penalty(seat);
    return seat === asked.knows ? score - PREFIX_LOAD_MARGIN : score;
  };
  return Array.from(seats, (seat) => {
    const reason = seat === chosen ? undefined : obstacle(seat);
    if (seat !== chosen && reason !== undefined) return { seat, reason, score: undefined };
    return { seat, score: scoreOf(seat), reason: seat === chosen ? undefined : "outscored" };
  });
}

/** Where each seat stands around the ring, the session's own at 0. */
function placesOf(ring: Iterable<number>, seats: ReadonlySet<number>): Map<number, number> {
  const places = new Map<number, number>();
  let place = 0;
  for (const seat of ring) {
    if (seats.has(seat)) places.set(seat, place);
    place++;
  }
  return places;
}

function inOrder(room: Room, order: Order, a: Judged, b: Judged): number {
  if (a.reason !== b.reason) return rankOf(a.reason) - rankOf(b.reason);
  const penalties = room.penalty(a.seat) - room.penalty(b.seat);
  if (penalties !== 0) return penalties;
  if (a.score !== b.score) return (a.score ?? 0) - (b.score ?? 0);
  if (a.score !== undefined && isBefore(room, order, a.seat, b.seat)) return -1;
  if (a.score !== undefined && isBefore(room, order, b.seat, a.seat)) return 1;
  return a.seat - b.seat;
}

/** The chosen one, then those it outscored, then the others, who lacks least first. */
const rankOf = (reason: Reason | undefined): number =>
  reason === undefined ? -1 : REASONS.length - REASONS.indexOf(reason);

function candidateOf(
  { view, room, breaker }: { readonly view: ExplainView; readonly room: Room; readonly breaker: Breaker },
  { seat, score, reason }: Judged,
): Candidate {
  const row = view.rowOf(seat);
  const [hive_id, worker_id, url] = [view.rows.hiveIdAt(row), view.rows.idAt(row), view.rows.urlAt(row)];
  const untilMs = breaker.untilMs(row);
  const load = room.loadAt(row);
  return {
    ...{ hive_id, worker_id, model: view.modelOf(view.groupOf(seat)) },
    ...(url === undefined ? undefined : { url }),
    ...(score === undefined ? undefined : { score }),
    ...(Number.isFinite(load) ? { load } : undefined),
    ...{ requests: room.requestsAt(row), slots: room.capacityAt(row) },
    ...(room.isDegraded(seat) ? { degraded: true } : undefined),
    ...(reason === undefined ? undefined : { reason }),
    ...(untilMs === undefined ? undefined : { set_aside_until_ms: untilMs }),
  };
}
