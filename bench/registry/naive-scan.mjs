// What the seed describes: a table of hives, and a scan over all of it for every question about workers.

/** Shares its objects with a registry's snapshot, so that both can stand in one process at a million workers. */
export class NaiveScan {
  /** @type {Map<string, { readonly received_at_ms: number, readonly workers: readonly any[] }>} */
  #hives = new Map();

  constructor(snapshot) {
    for (const { report, workers } of snapshot.hives) {
      this.#hives.set(report.hive_id, { received_at_ms: report.received_at_ms, workers });
    }
  }

  listAllWorkers() {
    const all = [];
    for (const [hive_id, { workers }] of this.#hives) for (const worker of workers) all.push({ hive_id, worker });
    return all;
  }

  findIdleWorkers() {
    return this.listAllWorkers().filter(({ worker }) => worker.state === "Idle");
  }

  findWorkersByModel(modelId) {
    return this.listAllWorkers().filter(({ worker }) => worker.model_id === modelId);
  }

  findBestWorkerForModel(modelId) {
    const idle = this.findIdleWorkers();
    const loaded = idle.filter(({ worker }) => worker.model_id === modelId);
    const byGpu = (a, b) => (a.worker.gpu_percent ?? 100) - (b.worker.gpu_percent ?? 100);
    return (loaded.length > 0 ? loaded : idle).sort(byGpu)[0];
  }

  getWorker(workerId) {
    for (const [hive_id, { workers }] of this.#hives) {
      for (const worker of workers) if (worker.worker_id === workerId) return { hive_id, worker };
    }
    return undefined;
  }

  getHiveState(hiveId) {
    return this.#hives.get(hiveId);
  }

  isHiveOnline(hiveId, nowMs, maxAgeMs) {
    const hive = this.#hives.get(hiveId);
    return hive !== undefined && nowMs - hive.received_at_ms < maxAgeMs;
  }

  totalWorkerCount() {
    let total = 0;
    for (const { workers } of this.#hives.values()) total += workers.length;
    return total;
  }

  listActiveHives(nowMs, maxAgeMs) {
    return [...this.#hives].filter(([, hive]) => nowMs - hive.received_at_ms < maxAgeMs).map(([hiveId]) => hiveId);
  }

  updateHiveState(hiveId, payload, receivedAtMs) {
    this.#hives.set(hiveId, { received_at_ms: receivedAtMs, workers: payload.workers });
  }
}
