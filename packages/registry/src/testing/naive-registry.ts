import { isStale } from "../heartbeats/order.ts";
import { DEFAULT_LIMITS, statusAt } from "../liveness/status.ts";
import type { HiveHeartbeatPayload, HiveLease, HiveStatus, HiveWorker, WorkerInfo } from "../types.ts";

interface NaiveHive {
  payload: HiveHeartbeatPayload;
  timestampMs: number;
  receivedAtMs: number;
  /** The hive's clock minus the receiver's, where the receiver's decides. */
  skewMs: number;
  seq: number | undefined;
  closed: boolean;
  goodbye: boolean;
  heard: number;
  pastBoots: string[];
}

/**
 * The twin of {@link HiveRegistry}: a list of hives, `filter` and `find`, the seed's algorithms word for word with the
 * rules that the design adds. Slow and plain; the property tests hold both to the same answers.
 */
export class NaiveRegistry {
  readonly #now: () => number;
  readonly #intervalMs: number;
  #hives: NaiveHive[] = [];
  /** The boots of hives that were evicted, the last one last. */
  readonly #graves: Map<string, string[]> = new Map();
  #heard = 0;

  constructor(options: { now: () => number; intervalMs?: number }) {
    this.#now = options.now;
    this.#intervalMs = options.intervalMs ?? 5_000;
  }

  updateHiveState(hiveId: string, payload: HiveHeartbeatPayload, options?: { receivedAtMs?: number }): boolean {
    const now = this.#now();
    const parsed = Date.parse(payload.timestamp);
    const timestampMs = Number.isNaN(parsed) ? now : parsed;
    const receivedAtMs = Math.min(options?.receivedAtMs ?? timestampMs, now);
    const known = this.#hives.find((hive) => hive.payload.hive_id === hiveId);
    if (known !== undefined) {
      const last = { bootId: known.payload.boot_id, seq: known.seq, timestampMs: known.timestampMs };
      if (isStale(last, { bootId: payload.boot_id, seq: payload.seq, timestampMs }, known.pastBoots)) return false;
    }
    const buried = known === undefined ? (this.#graves.get(hiveId) ?? []) : [];
    if (buried.slice(0, -1).some((boot) => boot === payload.boot_id)) return false;
    const pastBoots = known?.pastBoots ?? buried.filter((boot) => boot !== payload.boot_id).slice(-4);
    this.#graves.delete(hiveId);
    const lastBoot = known?.payload.boot_id;
    const hive: NaiveHive = {
      payload,
      timestampMs,
      receivedAtMs,
      skewMs: options?.receivedAtMs === undefined ? 0 : timestampMs - receivedAtMs,
      seq: payload.seq,
      closed: false,
      goodbye: payload.goodbye === true,
      heard: ++this.#heard,
      pastBoots:
        lastBoot !== undefined && lastBoot !== payload.boot_id ? [...pastBoots, lastBoot].slice(-4) : pastBoots,
    };
    if (known === undefined) this.#hives.push(hive);
    else this.#hives[this.#hives.indexOf(known)] = hive;
    return true;
  }

  renewLease(lease: HiveLease): boolean {
    const hive = this.#hives.find(({ payload }) => payload.hive_id === lease.hive_id);
    if (hive === undefined || hive.goodbye || hive.payload.boot_id !== lease.boot_id) return false;
    if (hive.seq !== undefined && lease.seq <= hive.seq) return false;
    hive.seq = lease.seq;
    hive.receivedAtMs = this.#now();
    hive.timestampMs = this.#now() + hive.skewMs;
    hive.closed = false;
    hive.heard = ++this.#heard;
    return true;
  }

  suspectHive(hiveId: string): void {
    const hive = this.#hives.find(({ payload }) => payload.hive_id === hiveId);
    if (hive !== undefined && this.#status(hive) === "alive") hive.closed = true;
  }

  removeHive(hiveId: string): boolean {
    const before = this.#hives.length;
    this.#hives = this.#hives.filter(({ payload }) => payload.hive_id !== hiveId);
    return this.#hives.length < before;
  }

  evictSilent(ttlMs: number, max: number): string[] {
    const now = this.#now();
    const evicted = this.#hives
      .filter((hive) => now - hive.receivedAtMs >= ttlMs)
      .sort((a, b) => a.receivedAtMs - b.receivedAtMs)
      .slice(0, max);
    this.#hives = this.#hives.filter((hive) => !evicted.includes(hive));
    for (const { payload, pastBoots } of evicted) {
      if (payload.boot_id !== undefined) this.#graves.set(payload.hive_id, [...pastBoots, payload.boot_id]);
    }
    return evicted.map(({ payload }) => payload.hive_id);
  }

  listActiveHives(maxAgeMs: number): string[] {
    return this.#hives
      .filter((hive) => !hive.goodbye && this.#now() - hive.receivedAtMs < maxAgeMs)
      .map(({ payload }) => payload.hive_id);
  }

  listAllHives(): string[] {
    return this.#hives.map(({ payload }) => payload.hive_id);
  }

  status(hiveId: string): HiveStatus | undefined {
    const hive = this.#hives.find(({ payload }) => payload.hive_id === hiveId);
    return hive === undefined ? undefined : this.#status(hive);
  }

  getWorkersOnHive(hiveId: string): readonly WorkerInfo[] {
    return this.#hives.find(({ payload }) => payload.hive_id === hiveId)?.payload.workers ?? [];
  }

  listAllWorkers(): HiveWorker[] {
    return this.#hives.flatMap(({ payload }) =>
      payload.workers.map((worker) => ({ hive_id: payload.hive_id, worker })),
    );
  }

  getWorker(workerId: string): HiveWorker | undefined {
    return this.#hives
      .toSorted((a, b) => b.heard - a.heard)
      .flatMap(({ payload }) => payload.workers.map((worker) => ({ hive_id: payload.hive_id, worker })))
      .find(({ worker }) => worker.worker_id === workerId);
  }

  findIdleWorkers(): HiveWorker[] {
    return this.listAllWorkers().filter(({ worker }) => worker.state === "Idle");
  }

  findWorkersByModel(modelId: string): HiveWorker[] {
    return this.listAllWorkers().filter(({ worker }) => hasModel(worker, modelId));
  }

  findWorkersByBackend(backend: string): HiveWorker[] {
    return this.listAllWorkers().filter(({ worker }) => worker.backend === backend);
  }

  /** All workers that the rule allows, best first in groups of equals. */
  bestWorkersForModel(modelId: string): HiveWorker[] {
    const candidates = this.findIdleWorkers().filter(
      ({ hive_id, worker }) => this.status(hive_id) === "alive" && worker.url !== undefined && worker.draining !== true,
    );
    const loaded = candidates.filter(({ worker }) => hasModel(worker, modelId));
    const among = loaded.length > 0 ? loaded : candidates;
    const lowest = Math.min(...among.map(({ worker }) => rank(worker)));
    return among.filter(({ worker }) => rank(worker) === lowest);
  }

  #status(hive: NaiveHive): HiveStatus {
    const { receivedAtMs, closed, goodbye } = hive;
    const intervalMs = Math.min(hive.payload.interval_ms ?? this.#intervalMs, 60_000);
    return statusAt(this.#now(), { receivedAtMs, closed, goodbye, intervalMs }, DEFAULT_LIMITS);
  }
}

const hasModel = (worker: WorkerInfo, modelId: string): boolean =>
  worker.model_id === modelId || worker.models?.includes(modelId) === true;

const rank = (worker: WorkerInfo): number =>
  (worker.gpu_percent ?? 100) + (worker.health_status === "degraded" ? 1e6 : 0);
