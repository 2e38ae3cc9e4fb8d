// Heartbeats in which everything follows from one number, the generation: so a reader can tell from any part of a reply whether it
// saw one heartbeat, whole, or a mixture of two.

const WORKERS_MAX = 24;
const MEGABYTE = 1_000_000;

export const hiveIdOf = (hive) => `hive-${hive}`;

/** The list grows and shrinks: 0 to 24 workers. */
export const workerCountOf = (generation) => (generation * 7) % (WORKERS_MAX + 1);

export function heartbeatOf(hive, generation) {
  return {
    hive_id: hiveIdOf(hive),
    timestamp: new Date().toISOString(),
    boot_id: "boot-1",
    seq: generation,
    workers: Array.from({ length: workerCountOf(generation) }, (_, at) => ({
      worker_id: `${hiveIdOf(hive)}-worker-${at}`,
      state: at % 3 === 0 ? "Busy" : "Idle",
      last_heartbeat: new Date().toISOString(),
      health_status: "healthy",
      url: "http://127.0.0.1:9",
      model_id: `model-${at % 3}`,
      backend: "cuda",
      // Carries the generation, and its sum tells how many there were.
      vram_bytes: generation * MEGABYTE,
      ram_bytes: 3 * generation * MEGABYTE,
    })),
  };
}

const generationOf = (worker) => worker.vram_bytes / MEGABYTE;
const isNear = (gb, bytes) => Math.abs(gb - bytes / 1e9) < 1e-6;
const sum = (workers, field) => workers.reduce((total, worker) => total + worker[field], 0);

/**
 * What is wrong with a reply, in words. `newest` remembers, across the replies of one reader, the newest generation of each hive.
 * @returns {string[]}
 */
export function faultsOf(kind, body, newest = new Map()) {
  switch (kind) {
    case "hives":
      return body.hives.flatMap((hive) => faultsOfHive(hive, newest));
    case "hive":
      return faultsOfHive(body, newest);
    case "resources":
      return faultsOfResources(body);
    case "workers":
      return faultsOfWorkers(body.workers, newest);
    case "stats":
      return faultsOfStats(body);
    case "models":
      return body.models.flatMap(({ model, workers, idle_workers }) =>
        idle_workers <= workers ? [] : [`${model}: ${idle_workers} of ${workers} workers are idle`],
      );
    default:
      throw new TypeError(`no such kind: ${kind}`);
  }
}

function faultsOfHive({ hive_id, workers, seq, worker_count, vram_used_gb, ram_used_gb }, newest) {
  const faults = faultsOfList(hive_id, workers, seq);
  if (worker_count !== workers.length)
    faults.push(`${hive_id}: worker_count ${worker_count}, listed ${workers.length}`);
  if (!isNear(vram_used_gb, sum(workers, "vram_bytes"))) faults.push(`${hive_id}: vram_used_gb is not the sum`);
  if (!isNear(ram_used_gb, sum(workers, "ram_bytes"))) faults.push(`${hive_id}: ram_used_gb is not the sum`);
  return [...faults, ...faultsOfTime(hive_id, seq, newest)];
}

/** A list of one hive's workers: one generation, complete, each worker once and in order. */
export function faultsOfList(hive_id, workers, generation = workers[0] && generationOf(workers[0])) {
  if (generation === undefined) return [];
  const faults = [];
  const others = workers.filter((worker) => generationOf(worker) !== generation);
  if (others.length > 0) faults.push(`${hive_id}: generation ${generation} mixed with ${others.map(generationOf)}`);
  if (workers.length !== workerCountOf(generation)) {
    faults.push(`${hive_id}: ${workers.length} workers in generation ${generation}, not ${workerCountOf(generation)}`);
  }
  if (workers.some(({ worker_id }, at) => worker_id !== `${hive_id}-worker-${at}`))
    faults.push(`${hive_id}: not in order`);
  return faults;
}

function faultsOfResources({ worker_count, vram_used_gb, ram_used_gb }) {
  const faults = [];
  if (!isNear(ram_used_gb, 3 * vram_used_gb * 1e9)) faults.push("RAM and VRAM are of two heartbeats");
  const generation = worker_count === 0 ? undefined : Math.round((vram_used_gb * 1e9) / MEGABYTE / worker_count);
  if (generation === undefined) {
    if (vram_used_gb !== 0) faults.push("memory without workers");
  } else {
    if (!isNear(vram_used_gb, worker_count * generation * MEGABYTE))
      faults.push("memory is not that of so many workers");
    if (workerCountOf(generation) !== worker_count) faults.push(`${worker_count} workers in generation ${generation}`);
  }
  return faults;
}

function faultsOfWorkers(workers, newest) {
  return [...groups(workers)].flatMap(([hive_id, found]) => {
    const list = found
      .map(({ worker }) => worker)
      .toSorted((a, b) => Number(a.worker_id.split("-").at(-1)) - Number(b.worker_id.split("-").at(-1)));
    return [...faultsOfList(hive_id, list), ...faultsOfTime(hive_id, generationOf(list[0]), newest)];
  });
}

function groups(workers) {
  const byHive = new Map();
  for (const one of workers) byHive.set(one.hive_id, [...(byHive.get(one.hive_id) ?? []), one]);
  return byHive;
}

function faultsOfStats({ hives, workers, vram_used_gb, ram_used_gb }) {
  const faults = [];
  const byModel = Object.values(workers.by_model).reduce((a, b) => a + b, 0);
  if (!isNear(ram_used_gb, 3 * vram_used_gb * 1e9)) faults.push("RAM and VRAM are of two moments");
  if (workers.idle + workers.busy + workers.loading !== workers.total) faults.push("states do not add up");
  if (byModel !== workers.total) faults.push("models do not add up");
  if ((workers.by_backend.cuda ?? 0) !== workers.total) faults.push("backends do not add up");
  if (hives.alive + hives.suspect + hives.silent !== hives.total) faults.push("hives do not add up");
  return faults;
}

function faultsOfTime(hive_id, generation, newest) {
  const before = newest.get(hive_id) ?? 0;
  if (generation === undefined) return [];
  newest.set(hive_id, Math.max(before, generation));
  return generation >= before ? [] : [`${hive_id}: generation ${generation} after ${before}`];
}
