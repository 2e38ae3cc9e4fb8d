import { HiveError, type PlaceWorker } from "@hive-registry/contract";
import type { HiveRegistry, HiveWorker, ReserveRequest } from "hive-registry";
import type { HeldMemory } from "hive-registry/placement";
import type { Clock } from "../core/clock.ts";
import type { WaitingLine } from "../core/waiting-line.ts";
import type { HiveCalls } from "./hive-calls.ts";
import type { Libraries } from "./libraries.ts";
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
/** How often it is looked who uses what, ms. */
const IDLE_LOOK_EVERY_MS = 1_000;
/** A worker that makes way, or that nobody used for long, finishes what reached it at the last moment: as long as a hive waits. */
const LEAVE_DRAIN_MS = 600_000;
/** A worker that its hive does not tell of for so long is gone, ms. */
const GONE_AFTER_MS = 60_000;

/** What comes of a request that finds no worker: one that will have the model in time, or why there will be none. */
export type Coming = { readonly withinMs: number } | { readonly error: HiveError };

interface Start {
  readonly endsAtMs: number;
}

/** A worker that was started because somebody asked for its model. */
interface OnDemandWorker {
  readonly hive_id: string;
  readonly worker_id: string;
  readonly device_id: number | undefined;
  readonly model: string;
  readonly memory_bytes: number;
  lastUsedMs: number;
  lastSeenMs: number;
  isLeaving: boolean;
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
  /** By hive and worker. */
  readonly #workers: Map<string, OnDemandWorker> = new Map();
  readonly #stops: readonly (() => void)[];
  #isOver = false;

  constructor(deps: OnDemandDeps, limits: OnDemandLimits) {
    this.#deps = deps;
    this.#limits = limits;
    this.#stops = [
      deps.line.onServed(({ hive_id, worker }) => this.#used(hive_id, worker.worker_id)),
      deps.clock.every(IDLE_LOOK_EVERY_MS, () => this.#endIdle()),
    ];
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

  /** A hive whose API is reached tells what was started there on demand, before the queen knew of it. */
  async adopt(hiveId: string, url: string): Promise<void> {
    const { calls, clock, log } = this.#deps;
    const workers = await calls.workers(url).catch((error: unknown) => {
      log.warn({ hive_id: hiveId, err: error }, "a hive does not tell its workers");
      return [];
    });
    for (const { worker, on_demand, phase } of workers) {
      const key = `${hiveId}\n${worker.worker_id}`;
      if (on_demand !== true || phase === "failed" || this.#workers.has(key)) continue;
      const { worker_id, model_id = worker_id, device_id, vram_bytes, ram_bytes } = worker;
      const memory_bytes = (device_id === undefined ? ram_bytes : vram_bytes) ?? 0;
      const nowMs = clock.nowMs();
      this.#workers.set(key, {
        ...{ hive_id: hiveId, worker_id, device_id, model: model_id, memory_bytes },
        ...{ lastUsedMs: nowMs, lastSeenMs: nowMs, isLeaving: false },
      });
    }
  }

  stop(): void {
    this.#isOver = true;
    for (const stop of this.#stops) stop();
  }

  // ---- starting -----------------------------------------------------------------------------------------------------

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
      this.#remember(started);
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
    const freed = [...this.#workers.values()].map((worker) => this.#heldBy(worker));
    return placements.want(asked).some((wanted) => {
      const found = placements.find(wanted, { freed, held: [] });
      return found.place !== undefined || found.lacks.some(({ reason }) => reason === "hive_suspect");
    });
  }

  /** Ends the idle workers that nobody used for longest, as many of one device as make enough room; none when that is not enough. */
  #makeWay(asked: PlaceWorker): void {
    const { placements, log } = this.#deps;
    // Those that leave already are counted as gone: their memory is measured as free a little later.
    const freed = [...this.#workers.values()].filter(({ isLeaving }) => isLeaving).map((one) => this.#heldBy(one));
    const fits = (wanted: Wanted) => placements.find(wanted, { freed }).place;
    const wanted = placements.want(asked);
    if (wanted.some((one) => placements.fitsSoon(one) || fits(one) !== undefined)) return;
    const idle = [...this.#workers.values()]
      .filter((worker) => !worker.isLeaving && this.#isIdle(worker))
      .sort((a, b) => a.lastUsedMs - b.lastUsedMs);
    for (const [at, worker] of idle.entries()) {
      freed.push(this.#heldBy(worker));
      const place = wanted.map(fits).find((one) => one !== undefined);
      if (place === undefined) continue;
      for (const one of idle.slice(0, at + 1)) {
        if (one.hive_id !== place.hive_id || one.device_id !== place.device_id) continue;
        log.info({ hive_id: one.hive_id, worker_id: one.worker_id, model: asked.model }, "an idle worker makes way");
        this.#letGo(one);
      }
      return;
    }
  }

  // ---- ending -------------------------------------------------------------------------------------------------------

  #endIdle(): void {
    const { clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    for (const [key, worker] of this.#workers) {
      const info = this.#infoOf(worker);
      if (info !== undefined) worker.lastSeenMs = nowMs;
      else if (nowMs - worker.lastSeenMs >= GONE_AFTER_MS) this.#workers.delete(key);
      if (info === undefined || worker.isLeaving) continue;
      if (!this.#isIdle(worker)) worker.lastUsedMs = nowMs;
      else if (this.#limits.idleMs > 0 && nowMs - worker.lastUsedMs >= this.#limits.idleMs) {
        const { hive_id, worker_id, model } = worker;
        log.info({ hive_id, worker_id, model, idle_ms: nowMs - worker.lastUsedMs }, "nobody uses it: a worker ends");
        this.#letGo(worker);
      }
    }
  }

  /** Ends it, as soon as it has finished what it may have been given just now. */
  #letGo(worker: OnDemandWorker): void {
    const { hive_id, worker_id } = worker;
    worker.isLeaving = true;
    this.#deps.placements.stop(worker_id, { hive_id, drain_ms: LEAVE_DRAIN_MS }).then(
      () => this.#workers.delete(`${hive_id}\n${worker_id}`),
      (error: unknown) => {
        if (error instanceof HiveError && error.code === "WORKER_NOT_FOUND") {
          this.#workers.delete(`${hive_id}\n${worker_id}`);
          return;
        }
        // It is tried again once it was idle for long once more.
        worker.isLeaving = false;
        worker.lastUsedMs = this.#deps.clock.nowMs();
        this.#deps.log.warn({ hive_id, worker_id, err: error }, "a worker did not end");
      },
    );
  }

  #used(hiveId: string, workerId: string): void {
    const worker = this.#workers.get(`${hiveId}\n${workerId}`);
    if (worker !== undefined) worker.lastUsedMs = this.#deps.clock.nowMs();
  }

  /** It has nothing to do, by its own word and by what is reserved at it. What is not known for certain is busy. */
  #isIdle(worker: OnDemandWorker): boolean {
    const info = this.#infoOf(worker);
    if (info === undefined || info.state !== "Idle" || (info.slots_busy ?? 0) > 0 || (info.queue_depth ?? 0) > 0) {
      return false;
    }
    const { candidates } = this.#deps.registry.explain({ model: worker.model, hive_id: worker.hive_id });
    const { hive_id, worker_id } = worker;
    return candidates.find((one) => one.hive_id === hive_id && one.worker_id === worker_id)?.requests === 0;
  }

  #infoOf({ hive_id, worker_id }: OnDemandWorker): HiveWorker["worker"] | undefined {
    return this.#deps.registry.getWorkersOnHive(hive_id).find((one) => one.worker_id === worker_id);
  }

  /** What becomes free when it ends: what it was seen to hold, else what was reserved for it. */
  #heldBy(worker: OnDemandWorker): HeldMemory {
    const { hive_id, device_id } = worker;
    const info = this.#infoOf(worker);
    const seen = device_id === undefined ? info?.ram_bytes : info?.vram_bytes;
    return { hive_id, ...(device_id === undefined ? {} : { device_id }), memory_bytes: seen ?? worker.memory_bytes };
  }

  #remember({ hive_id, worker_id, device_id, model, memory_bytes = 0 }: StartedWorker): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#workers.set(`${hive_id}\n${worker_id}`, {
      ...{ hive_id, worker_id, device_id, model, memory_bytes },
      ...{ lastUsedMs: nowMs, lastSeenMs: nowMs, isLeaving: false },
    });
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
    if (!names.some((name) => registry.findWorkersByModel(name).some(isMeant))) return false;
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

export interface OnDemandDeps {
  readonly registry: HiveRegistry;
  readonly clock: Clock;
  readonly line: WaitingLine;
  readonly libraries: Libraries;
  readonly placements: Placements;
  readonly calls: Pick<HiveCalls, "workers">;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

const NOBODY_HAS_IT = new HiveError("NO_WORKER", "No hive has a model of that name");

function placeRequestOf({ model, hive_id, backend, labels }: ReserveRequest): PlaceWorker {
  const wish = { hive_id, backend, labels };
  return { model, ...Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined)) };
}
