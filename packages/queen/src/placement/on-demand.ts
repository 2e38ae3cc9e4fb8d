import { HiveError, type PlaceWorker } from "@hive-registry/contract";
import type { HiveWorker, ReserveRequest } from "hive-registry";
import { sharesMemory } from "hive-registry/placement";
import type { WaitingLine } from "../core/waiting-line.ts";
import type { Libraries } from "./libraries.ts";
import { OnDemandWorkers, type OnDemandWorkersDeps } from "./on-demand-workers.ts";
import type { Placements, StartedWorker, Wanted } from "./placements.ts";

export interface OnDemandLimits {
  /** Whether a request may start a model that nobody has loaded. */
  readonly enabled: boolean;
  /** How long requests wait for a model that is started for them, ms. */
  readonly waitMs: number;
  /** A worker that was started on demand ends when nobody used it for so long, ms; 0: never. */
  readonly idleMs: number;
}

export const DEFAULT_ON_DEMAND_LIMITS: OnDemandLimits = { enabled: true, waitMs: 300_000, idleMs: 600_000 };

/** Models that are started at the same time for waiting requests. */
export const STARTS_MAX = 64;
/** Names that nobody knows and that libraries are asked for at the same time. More are unknown at once. */
const LOOKS_MAX = 256;
/** A model that some worker had a moment ago is not looked for again so soon, ms. */
const SERVED_FOR_MS = 250;
const SERVED_MAX = 10_000;
/** After a start failed, whoever asks for the same within this time is told the same, ms. */
const FAILED_PAUSE_MS = 5_000;
const FAILURES_MAX = 1_000;
/** How often room is looked for where it lacks, ms. */
const LOOK_EVERY_MS = 250;
/** What comes of a request that finds no worker: one that will have the model in time, or why there will be none. */
export type Coming = { readonly withinMs: number } | { readonly error: HiveError };

interface Start {
  readonly endsAtMs: number;
}

/**
 * Starts models when somebody asks for them, once however many ask, and ends them when nobody does any more. The requests
 * themselves stand in the waiting line, which the worker's first report wakes; here is only what becomes of the worker.
 */
export class OnDemand {
  readonly #deps: OnDemandDeps;
  readonly #limits: OnDemandLimits;
  /** By what is asked for. */
  readonly #starts: Map<string, Start> = new Map();
  /** What a request that waits is served by. */
  readonly #keys: WeakMap<ReserveRequest, string> = new WeakMap();
  /** Names that nobody knows, and that are being looked for. */
  readonly #looks: Map<string, Start> = new Map();
  /** By what is asked for: until when it counts as served without another look, ms. */
  readonly #served: Map<string, number> = new Map();
  readonly #failures: Map<string, { readonly error: HiveError; readonly untilMs: number }> = new Map();
  readonly #workers: OnDemandWorkers;
  #isOver = false;

  constructor(deps: OnDemandDeps, limits: OnDemandLimits) {
    this.#deps = deps;
    this.#limits = limits;
    this.#workers = new OnDemandWorkers(deps, limits);
  }

  /** Names of models that a request may start. */
  models(): Iterable<string> {
    return this.#limits.enabled ? this.#deps.libraries.names() : [];
  }

  /** Whether a request for this name would start one. */
  has(model: string): boolean {
    return this.#limits.enabled && this.#deps.libraries.find(model).length > 0;
  }

  /**
   * Called with a request that found no worker: sees to it that one is started when nobody has its model. Undefined: there are
   * such workers, or nobody can start one.
   */
  bring(request: ReserveRequest): Coming | undefined {
    if (!this.#limits.enabled || this.#isOver || (request.exclude ?? []).length > 0) return undefined;
    const { clock, libraries } = this.#deps;
    const nowMs = clock.nowMs();
    const key = this.#keyOf(request);
    this.#keys.set(request, key);
    const start = this.#starts.get(key) ?? this.#looks.get(key);
    if (start !== undefined) return { withinMs: Math.max(0, start.endsAtMs - nowMs) };
    if (this.#isServed(request)) return undefined;
    const failure = this.#failures.get(key);
    if (failure !== undefined && nowMs < failure.untilMs) return { error: failure.error };
    const withinMs = this.#limits.waitMs;
    if (libraries.find(request.model).length === 0) {
      const looking = this.#looks.size < LOOKS_MAX ? libraries.lookAgain() : undefined;
      if (looking === undefined) return undefined;
      this.#looks.set(key, { endsAtMs: nowMs + withinMs });
      void this.#lookFor(key, request.model, looking);
      return { withinMs };
    }
    if (this.#starts.size >= STARTS_MAX) {
      return { error: new HiveError("TOO_MANY_REQUESTS", `${STARTS_MAX} models are being started already`) };
    }
    this.#starts.set(key, { endsAtMs: nowMs + withinMs });
    void this.#start(key, request);
    return { withinMs };
  }

  /** Another library is known: some of those who wait may be waiting for a model of it. */
  reconsider(): void {
    for (const request of [...this.#deps.line.requests()]) this.bring(request);
  }

  /** A hive whose API is reached for the first time since its start or the queen's. */
  async adopt(hiveId: string, url: string): Promise<void> {
    await this.#workers.adopt(hiveId, url);
  }

  stop(): void {
    this.#isOver = true;
    this.#workers.stop();
  }

  /** Somebody may just have put the file there. */
  async #lookFor(key: string, model: string, looking: Promise<void>): Promise<void> {
    await looking;
    this.#looks.delete(key);
    if (this.#deps.libraries.find(model).length === 0) {
      this.#refuse(key, NOBODY_HAS_IT);
      return;
    }
    for (const request of [...this.#deps.line.requests()]) {
      if (this.#keys.get(request) !== key) continue;
      const coming = this.bring(request);
      if (coming !== undefined && "error" in coming) this.#deps.line.refuse((one) => one === request, coming.error);
    }
  }

  async #start(key: string, request: ReserveRequest): Promise<void> {
    const { clock, log, placements } = this.#deps;
    const endsAtMs = clock.nowMs() + this.#limits.waitMs;
    const asked = placeRequestOf(request);
    try {
      const started = await this.#startWhenThereIsRoom(asked, endsAtMs);
      this.#workers.remember(started);
      await placements.outcome(started, Math.max(0, endsAtMs - clock.nowMs()));
      log.info({ hive_id: started.hive_id, worker_id: started.worker_id, model: started.model }, "it is ready");
    } catch (error) {
      const why = error instanceof HiveError ? error : new HiveError("INTERNAL", "The model could not be started");
      const unforeseen = why.code === "INTERNAL" ? { err: error } : {};
      log.warn(
        { model: request.model, code: why.code, why: why.message, ...unforeseen },
        "a model that was asked for is not started",
      );
      this.#noteFailure(key, why);
      this.#refuse(key, why);
    } finally {
      this.#starts.delete(key);
    }
  }

  /** Idle workers make way for it; for busy ones it waits. */
  async #startWhenThereIsRoom(asked: PlaceWorker, endsAtMs: number): Promise<StartedWorker> {
    const { clock, placements } = this.#deps;
    for (;;) {
      try {
        return await placements.start(asked, { onDemand: true });
      } catch (error) {
        const hasNoRoom = error instanceof HiveError && error.code === "NO_CAPACITY";
        if (!hasNoRoom || this.#isOver || clock.nowMs() >= endsAtMs || !this.#mayFit(asked)) throw error;
        this.#makeWay(asked);
        await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve));
      }
    }
  }

  /**
   * Whether it fits once all workers that were started on demand are gone, and what is promised twice meanwhile is not. A hive whose
   * connection closed just now is mostly back in a moment.
   */
  #mayFit(asked: PlaceWorker): boolean {
    const { placements } = this.#deps;
    const freed = this.#workers.held();
    return placements.want(asked).some((wanted) => {
      const found = placements.find(wanted, { freed, held: [] });
      return found.place !== undefined || found.lacks.some(({ reason }) => reason === "hive_suspect");
    });
  }

  /** Ends the idle workers that nobody used for longest, as many of one memory as make enough room; none when that is not enough. */
  #makeWay(asked: PlaceWorker): void {
    const { placements, log } = this.#deps;
    // Those that leave already are counted as gone: their memory is measured as free a little later.
    const freed = this.#workers.heldByLeaving();
    const fits = (wanted: Wanted) => placements.find(wanted, { freed }).place;
    const wanted = placements.want(asked);
    if (wanted.some((one) => placements.fitsSoon(one) || fits(one) !== undefined)) return;
    const idle = this.#workers.idle();
    for (const [at, worker] of idle.entries()) {
      freed.push(this.#workers.heldBy(worker));
      const place = wanted.map(fits).find((one) => one !== undefined);
      if (place === undefined) continue;
      const hive = this.#deps.registry.getHiveState(place.hive_id) ?? {};
      for (const one of idle.slice(0, at + 1)) {
        if (one.hive_id !== place.hive_id || !sharesMemory(hive, one.device_id, place.device_id)) continue;
        log.info({ hive_id: one.hive_id, worker_id: one.worker_id, model: asked.model }, "an idle worker makes way");
        this.#workers.letGo(one);
      }
      return;
    }
  }

  /** Some worker that is not about to leave has the model, and may be what the request wishes: waiting for it is right. */
  #isServed(request: ReserveRequest): boolean {
    const { model, hive_id, backend, labels } = request;
    const { registry, clock } = this.#deps;
    const names = registry.resolveModels(model);
    if (names.length === 0) return false;
    // While all workers of a model are busy, many ask; looking at each of its workers for each of them would cost most then.
    const key = this.#keys.get(request) as string;
    const nowMs = clock.nowMs();
    if (nowMs < (this.#served.get(key) ?? 0)) return true;
    const isMeant = ({ hive_id: on, worker }: HiveWorker): boolean => {
      if (worker.draining === true || (hive_id !== undefined && on !== hive_id)) return false;
      if (backend !== undefined && worker.backend !== undefined && worker.backend !== backend) return false;
      const hive = registry.getHiveState(on);
      if (hive === undefined || hive.status === "silent") return false;
      return Object.entries(labels ?? {}).every(([name, value]) => hive.labels?.[name] === value);
    };
    if (!registry.hasWorkerByModel(names, isMeant)) return false;
    if (this.#served.size >= SERVED_MAX) this.#served.clear();
    this.#served.set(key, nowMs + SERVED_FOR_MS);
    return true;
  }

  #refuse(key: string, error: HiveError): void {
    this.#deps.line.refuse((waiting) => this.#keys.get(waiting) === key, error);
  }

  /** Requests with one key are served by one start, whatever they call the model. */
  #keyOf({ model, hive_id, backend, labels }: ReserveRequest): string {
    const [startable] = this.#deps.libraries.find(model);
    return JSON.stringify([startable?.model ?? model, hive_id, backend, Object.entries(labels ?? {}).sort()]);
  }

  #noteFailure(key: string, error: HiveError): void {
    this.#failures.delete(key);
    if (this.#failures.size >= FAILURES_MAX) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { error, untilMs: this.#deps.clock.nowMs() + FAILED_PAUSE_MS });
  }
}

export interface OnDemandDeps extends OnDemandWorkersDeps {
  readonly line: WaitingLine;
  readonly libraries: Libraries;
  readonly placements: Placements;
}

const NOBODY_HAS_IT = new HiveError("NO_WORKER", "No hive has a model of that name");

function placeRequestOf({ model, hive_id, backend, labels }: ReserveRequest): PlaceWorker {
  const wish = { hive_id, backend, labels };
  return { model, ...Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined)) };
}
