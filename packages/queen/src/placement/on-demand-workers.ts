import { HiveError } from "@hive-registry/contract";
import type { HiveRegistry, HiveWorker } from "hive-registry";
import type { HeldMemory } from "hive-registry/placement";
import type { Clock } from "../core/clock.ts";
import type { WaitingLine } from "../core/waiting-line.ts";
import type { HiveCalls } from "./hive-calls.ts";
import type { Placements, StartedWorker } from "./placements.ts";

/** How often it is looked who uses what, ms. */
const IDLE_LOOK_EVERY_MS = 1_000;
/** A worker that makes way, or that nobody used for long, finishes what reached it at the last moment: as long as a hive waits. */
const LEAVE_DRAIN_MS = 600_000;
/** A worker that its hive does not tell of for so long is gone, ms. */
const GONE_AFTER_MS = 60_000;

/** A worker that was started because somebody asked for its model. */
export interface OnDemandWorker {
  readonly hive_id: string;
  readonly worker_id: string;
  readonly device_id: number | undefined;
  readonly model: string;
  readonly memory_bytes: number;
  lastUsedMs: number;
  lastSeenMs: number;
  isLeaving: boolean;
}

/** The workers that were started on demand: who uses them, what they hold, and when they end. */
export class OnDemandWorkers {
  readonly #deps: OnDemandWorkersDeps;
  readonly #idleMs: number;
  /** By hive and worker. */
  readonly #workers: Map<string, OnDemandWorker> = new Map();
  readonly #stops: readonly (() => void)[];

  /** @param options `idleMs`: one that nobody used for so long ends; 0: never. */
  constructor(deps: OnDemandWorkersDeps, options: { readonly idleMs: number }) {
    this.#deps = deps;
    this.#idleMs = options.idleMs;
    this.#stops = [
      deps.line.onServed(({ hive_id, worker }) => this.#used(hive_id, worker.worker_id)),
      deps.clock.every(IDLE_LOOK_EVERY_MS, () => this.#endIdle()),
    ];
  }

  remember({ hive_id, worker_id, device_id, model, memory_bytes = 0 }: StartedWorker): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#workers.set(`${hive_id}\n${worker_id}`, {
      ...{ hive_id, worker_id, device_id, model, memory_bytes },
      ...{ lastUsedMs: nowMs, lastSeenMs: nowMs, isLeaving: false },
    });
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

  /** What becomes free when all of them end. */
  held(): HeldMemory[] {
    return [...this.#workers.values()].map((worker) => this.heldBy(worker));
  }

  /** What becomes free soon, for its workers are about to end. */
  heldByLeaving(): HeldMemory[] {
    return [...this.#workers.values()].filter(({ isLeaving }) => isLeaving).map((worker) => this.heldBy(worker));
  }

  /** Those that have nothing to do, the one that nobody used for longest first. */
  idle(): OnDemandWorker[] {
    return [...this.#workers.values()]
      .filter((worker) => !worker.isLeaving && this.#isIdle(worker))
      .sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  }

  /** Ends it, as soon as it has finished what it may have been given just now. */
  letGo(worker: OnDemandWorker): void {
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

  /** What becomes free when it ends: what it was seen to hold, else what was reserved for it. */
  heldBy(worker: OnDemandWorker): HeldMemory {
    const { hive_id, device_id } = worker;
    const info = this.#infoOf(worker);
    const seen = device_id === undefined ? info?.ram_bytes : info?.vram_bytes;
    return { hive_id, ...(device_id === undefined ? {} : { device_id }), memory_bytes: seen ?? worker.memory_bytes };
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #endIdle(): void {
    const { clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    for (const [key, worker] of this.#workers) {
      const info = this.#infoOf(worker);
      if (info !== undefined) worker.lastSeenMs = nowMs;
      else if (nowMs - worker.lastSeenMs >= GONE_AFTER_MS) this.#workers.delete(key);
      if (info === undefined || worker.isLeaving) continue;
      if (!this.#isIdle(worker)) worker.lastUsedMs = nowMs;
      else if (this.#idleMs > 0 && nowMs - worker.lastUsedMs >= this.#idleMs) {
        const { hive_id, worker_id, model } = worker;
        log.info({ hive_id, worker_id, model, idle_ms: nowMs - worker.lastUsedMs }, "nobody uses it: a worker ends");
        this.letGo(worker);
      }
    }
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
}

export interface OnDemandWorkersDeps {
  readonly registry: HiveRegistry;
  readonly clock: Clock;
  readonly line: Pick<WaitingLine, "onServed">;
  readonly placements: Pick<Placements, "stop">;
  readonly calls: Pick<HiveCalls, "workers">;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}
