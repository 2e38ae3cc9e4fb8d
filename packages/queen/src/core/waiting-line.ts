import { HiveError } from "@hive-registry/contract";
import {
  type HiveRegistry,
  type ModelAliases,
  normalModelName,
  type RegistryEvent,
  type Reservation,
  type ReserveRequest,
  type WorkerInfo,
} from "hive-registry";
import type { Clock } from "./clock.ts";
import { RecentChoices } from "./recent-choices.ts";

/** How many requests may wait. What is over is refused at once: a line that is too long serves nobody. */
export interface LineLimits {
  /** For models of one normal name, or for one alias. */
  readonly perModel: number;
  readonly total: number;
}

export const DEFAULT_LINE_LIMITS: LineLimits = { perModel: 256, total: 4_096 };

/** How those who ever waited left the line, since the start. */
export interface LineTotals {
  readonly served: number;
  readonly timed_out: number;
  readonly left: number;
  /** Did not even get in: too many waited. */
  readonly refused: number;
}

interface Waiter {
  readonly line: Line;
  readonly request: ReserveRequest;
  /** Counts up: who has the lower one came first. */
  readonly ticket: number;
  readonly served: (reservation: Reservation) => void;
  readonly refused: (error: HiveError) => void;
  readonly stopTimer: () => void;
}

interface Line {
  readonly key: string;
  /** In the order in which they came. */
  readonly waiters: Set<Waiter>;
  /** Normal names of the models that those in this line may be after. */
  readonly wakes: readonly string[];
}

/**
 * Requests that wait for room, first come first served for each model. Whoever waits is woken by the very event that makes
 * room: a reservation that ends, a worker that may be tried again, or a heartbeat that tells of a free one. Nobody polls.
 *
 * Names that may mean the same model wait in one line: all with the same normal form. An alias has a line of its own, which
 * whatever makes room for one of its targets wakes; where several lines are woken, the one who came first is first.
 */
export class WaitingLine {
  /** How those who got a place, or none, were chosen for. */
  readonly choices: RecentChoices;
  readonly #registry: HiveRegistry;
  readonly #clock: Clock;
  readonly #limits: LineLimits;
  readonly #aliases: ReadonlyMap<string, readonly string[]>;
  readonly #lines: Map<string, Line> = new Map();
  /** Lines by the normal names that wake them. */
  readonly #woken: Map<string, Set<Line>> = new Map();
  /** End the listening; there are some while somebody waits. */
  #stops: readonly (() => void)[] = [];
  readonly #onServed: Set<(reservation: Reservation) => void> = new Set();
  readonly #totals: { served: number; timed_out: number; left: number; refused: number } = {
    ...{ served: 0, timed_out: 0, left: 0, refused: 0 },
  };
  #total = 0;
  #tickets = 0;

  constructor(
    deps: { readonly registry: HiveRegistry; readonly clock: Clock },
    limits: LineLimits = DEFAULT_LINE_LIMITS,
    aliases: ModelAliases = {},
  ) {
    this.#registry = deps.registry;
    this.#clock = deps.clock;
    this.choices = new RecentChoices(deps);
    this.#limits = limits;
    this.#aliases = new Map(Object.entries(aliases).map(([alias, targets]) => [alias, [targets].flat()]));
  }

  /** Requests that wait now. */
  get length(): number {
    return this.#total;
  }

  get totals(): LineTotals {
    return { ...this.#totals };
  }

  /** How many wait for what: by normal name, or by alias. */
  *lengths(): Generator<readonly [model: string, waiting: number]> {
    for (const [model, { waiters }] of this.#lines) yield [model, waiters.size];
  }

  /** A place at a worker now, past nobody who could have had it. Undefined when there is none. */
  reserveNow(request: ReserveRequest): Reservation | undefined {
    // Whoever waits was tried at the last event that made room. So there is none for another who is as easily content.
    if (this.#total > 0 && isPlain(request) && this.#somebodyWaitsFor(request.model)) return undefined;
    return this.#reserve(request);
  }

  /** Calls `listener` with each place that is given. Returns what ends that. */
  onServed(listener: (reservation: Reservation) => void): () => void {
    this.#onServed.add(listener);
    return () => this.#onServed.delete(listener);
  }

  /**
   * Enters the line. Later, but never before this has returned, one of the two is called: `served`, or `refused` with
   * `NO_WORKER` when none came free within `waitMs`.
   *
   * @returns what leaves the line, for a caller who hangs up; then neither is called.
   * @throws {HiveError} `NO_WORKER` when too many wait already.
   */
  wait(
    request: ReserveRequest,
    options: {
      readonly waitMs: number;
      readonly served: (reservation: Reservation) => void;
      readonly refused: (error: HiveError) => void;
    },
  ): () => void {
    const { waitMs, served, refused } = options;
    const line = this.#lineFor(request.model);
    const before = line.waiters.size;
    if (before >= this.#limits.perModel || this.#total >= this.#limits.total) {
      this.#totals.refused++;
      throw noWorker(`${this.#total} requests wait already, ${before} of them for ${request.model}`);
    }
    const stopTimer = this.#clock.after(waitMs, () => {
      this.#remove(waiter);
      this.#totals.timed_out++;
      refused(noWorker(`No worker for ${request.model} came free within ${waitMs} ms`));
    });
    const waiter: Waiter = { line, request, ticket: ++this.#tickets, served, refused, stopTimer };
    this.#add(waiter);
    return () => {
      if (this.#remove(waiter)) this.#totals.left++;
    };
  }

  /**
   * A place at a worker, at once or within `waitMs`.
   *
   * @param signal of the caller: when it hangs up, it leaves the line.
   * @throws {HiveError} `NO_WORKER` when none came free in time, or too many wait already.
   */
  reserve(
    request: ReserveRequest,
    options: { readonly waitMs: number; readonly signal?: AbortSignal },
  ): Promise<Reservation> {
    const { waitMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw noWorker("The caller left");
      const reservation = this.reserveNow(request);
      if (reservation !== undefined) {
        resolve(reservation);
        return;
      }
      if (waitMs <= 0) throw noWorker(`No worker has room for ${request.model} now`);
      const hangUp = () => {
        leave();
        reject(noWorker("The caller left"));
      };
      const leave = this.wait(request, {
        waitMs,
        served: (served) => {
          signal?.removeEventListener("abort", hangUp);
          resolve(served);
        },
        refused: (error) => {
          signal?.removeEventListener("abort", hangUp);
          reject(error);
        },
      });
      signal?.addEventListener("abort", hangUp, { once: true });
    });
  }

  /** Nobody waits any longer: all are refused with this. */
  refuseAll(error: HiveError): void {
    this.refuse(() => true, error);
  }

  /** What those want who wait. */
  *requests(): Generator<ReserveRequest> {
    for (const { waiters } of this.#lines.values()) for (const { request } of waiters) yield request;
  }

  /** Those who wait for what `isMeant` names are refused with this: it does not come. */
  refuse(isMeant: (request: ReserveRequest) => boolean, error: HiveError): void {
    for (const { waiters } of [...this.#lines.values()]) {
      for (const waiter of [...waiters]) {
        if (isMeant(waiter.request) && this.#remove(waiter)) waiter.refused(error);
      }
    }
  }

  stop(): void {
    this.#stopListening();
  }

  /** While nobody waits, no heartbeat and no place that comes free is worth a look. */
  #listen(): void {
    this.#stops = [
      this.#registry.subscribe((event) => this.#hear(event)),
      this.#registry.onRoom((worker) => this.#roomAt(worker)),
    ];
  }

  #stopListening(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  #hear(event: RegistryEvent): void {
    if (this.#total === 0) return;
    if (event.type === "hive.heartbeat") for (const worker of event.workers) this.#roomAt(worker);
    // A lease may bring a hive back that was suspect, and labels may be those that somebody waits for.
    if (event.type === "hive.lease" || event.type === "hive.labelled") {
      for (const worker of this.#registry.getWorkersOnHive(event.hive_id)) this.#roomAt(worker);
    }
  }

  /** Whoever waits for one of that worker's models may be next. */
  #roomAt(worker: WorkerInfo): void {
    if (this.#total === 0) return;
    if (worker.model_id !== undefined) this.#serve(normalModelName(worker.model_id));
    for (const model of worker.models ?? []) if (model !== worker.model_id) this.#serve(normalModelName(model));
  }

  /** In their order; one whose wish cannot be met now (another backend, say) does not hold up those behind it. */
  #serve(normalName: string): void {
    const lines = this.#woken.get(normalName);
    if (lines === undefined) return;
    const noRoomFor = new Set<string>();
    for (const waiter of inOrder(lines)) {
      const { request } = waiter;
      const plain = isPlain(request);
      if (plain && noRoomFor.has(request.model)) continue;
      const reservation = this.#reserve(request);
      if (reservation === undefined) {
        if (plain) noRoomFor.add(request.model);
      } else if (this.#remove(waiter)) {
        this.#totals.served++;
        waiter.served(reservation);
      } else {
        // It was served or left while this place was found: finding one lets time take effect.
        reservation.release("cancelled");
      }
    }
  }

  #reserve(request: ReserveRequest): Reservation | undefined {
    const explained = this.choices.explain(request);
    const reservation = this.#registry.reserve(request);
    if (explained !== undefined) this.choices.add(explained, reservation);
    if (reservation !== undefined) for (const listener of this.#onServed) listener(reservation);
    return reservation;
  }

  #somebodyWaitsFor(model: string): boolean {
    for (const { request } of this.#lines.get(this.#keyOf(model))?.waiters ?? []) {
      if (request.model === model && isPlain(request)) return true;
    }
    return false;
  }

  #keyOf(model: string): string {
    return this.#aliases.has(model) ? model : normalModelName(model);
  }

  #add(waiter: Waiter): void {
    const { line } = waiter;
    line.waiters.add(waiter);
    if (this.#total++ === 0) this.#listen();
    if (line.waiters.size > 1) return;
    this.#lines.set(line.key, line);
    for (const name of line.wakes) {
      const woken = this.#woken.get(name);
      if (woken === undefined) this.#woken.set(name, new Set([line]));
      else woken.add(line);
    }
  }

  /** False when it had left already. */
  #remove(waiter: Waiter): boolean {
    const { line } = waiter;
    if (!line.waiters.delete(waiter)) return false;
    waiter.stopTimer();
    if (--this.#total === 0) this.#stopListening();
    if (line.waiters.size > 0) return true;
    this.#lines.delete(line.key);
    for (const name of line.wakes) {
      const woken = this.#woken.get(name);
      woken?.delete(line);
      if (woken?.size === 0) this.#woken.delete(name);
    }
    return true;
  }

  #lineFor(model: string): Line {
    const key = this.#keyOf(model);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const wakes = new Set([model, ...(this.#aliases.get(model) ?? [])].map(normalModelName));
    return { key, waiters: new Set(), wakes: [...wakes] };
  }
}

/** Those of one line as they stand; of several, whoever came first. */
function inOrder(lines: ReadonlySet<Line>): Iterable<Waiter> {
  const [only, another] = lines;
  if (only !== undefined && another === undefined) return only.waiters;
  return [...lines].flatMap(({ waiters }) => [...waiters]).sort((a, b) => a.ticket - b.ticket);
}

/** Any worker of the model will do: when it finds none, nobody else who asks for that name does. */
const isPlain = ({ backend, hive_id, labels, exclude }: ReserveRequest): boolean =>
  backend === undefined &&
  hive_id === undefined &&
  labels === undefined &&
  (exclude === undefined || exclude.length === 0);

const noWorker = (message: string): HiveError => new HiveError("NO_WORKER", message);
