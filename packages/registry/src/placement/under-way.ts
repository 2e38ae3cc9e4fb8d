import type { WorkerInfo } from "../types.ts";
import type { HeldMemory } from "./place.ts";

export interface UnderWayLimits {
  /** A placement whose worker was never seen holds its memory for so long, ms. */
  readonly unseenMs: number;
  /** Between a worker being ready and the first measurement that has all of its memory, at most, ms: two samples of a hive. */
  readonly settleMs: number;
}

export const DEFAULT_UNDER_WAY_LIMITS: UnderWayLimits = { unseenMs: 60_000, settleMs: 10_000 };

interface Placement extends HeldMemory {
  readonly begunAtMs: number;
  /** Absent until the hive has taken it. */
  worker_id?: string;
  isSeen: boolean;
  readyAtMs?: number;
}

/** One placement, to name its worker or to end it. */
export type PlacementTicket = number;

/**
 * Placements whose worker no measurement shows whole yet. Each holds all of its memory: while the worker loads, and until
 * its hive speaks again {@link UnderWayLimits.settleMs} after it was ready, because what is measured as free lags behind.
 * Meanwhile its memory may be counted twice, so a place may be refused that there is; never one given that there is not.
 */
export class PlacementsUnderWay implements Iterable<HeldMemory> {
  readonly #limits: UnderWayLimits;
  readonly #placements: Map<PlacementTicket, Placement> = new Map();
  #tickets = 0;

  constructor(limits: UnderWayLimits = DEFAULT_UNDER_WAY_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#placements.size;
  }

  [Symbol.iterator](): IterableIterator<HeldMemory> {
    return this.#placements.values();
  }

  /** Those whose worker is not ready: what the others hold is measured soon, if it is not measured already. */
  *loading(): Generator<HeldMemory> {
    for (const placement of this.#placements.values()) if (placement.readyAtMs === undefined) yield placement;
  }

  begin(held: HeldMemory, nowMs: number): PlacementTicket {
    const ticket = ++this.#tickets;
    this.#placements.set(ticket, { ...held, begunAtMs: nowMs, isSeen: false });
    return ticket;
  }

  /** Its hive has taken it, as this worker. */
  taken(ticket: PlacementTicket, workerId: string): void {
    const placement = this.#placements.get(ticket);
    if (placement !== undefined) placement.worker_id = workerId;
  }

  /** It came to nothing. Harmless when it has ended. */
  end(ticket: PlacementTicket): void {
    this.#placements.delete(ticket);
  }

  /** A hive told its workers; or, without them, that nothing changed. */
  hear(hiveId: string, workers: readonly WorkerInfo[] | undefined, nowMs: number): void {
    for (const [ticket, placement] of this.#placements) {
      if (placement.hive_id !== hiveId || placement.worker_id === undefined) continue;
      if (workers !== undefined && !this.#see(placement, workers, nowMs)) this.#placements.delete(ticket);
      else if (placement.readyAtMs !== undefined && nowMs - placement.readyAtMs >= this.#limits.settleMs) {
        this.#placements.delete(ticket);
      }
    }
  }

  /**
   * The hive is forgotten. (One that is only silent may come back with its workers half loaded; until then nothing goes there.)
   */
  hiveIsGone(hiveId: string): void {
    for (const [ticket, { hive_id }] of this.#placements) if (hive_id === hiveId) this.#placements.delete(ticket);
  }

  /** Lets time take effect. */
  tick(nowMs: number): void {
    for (const [ticket, { isSeen, begunAtMs }] of this.#placements) {
      if (!isSeen && nowMs - begunAtMs >= this.#limits.unseenMs) this.#placements.delete(ticket);
    }
  }

  /** False when the worker is gone. */
  #see(placement: Placement, workers: readonly WorkerInfo[], nowMs: number): boolean {
    const worker = workers.find(({ worker_id }) => worker_id === placement.worker_id);
    if (worker === undefined) return !placement.isSeen;
    placement.isSeen = true;
    if (worker.state === "Loading") delete placement.readyAtMs;
    else placement.readyAtMs ??= nowMs;
    return true;
  }
}
