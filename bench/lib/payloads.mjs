// Heartbeats of a made-up fleet: the same for the same seed.

/** Mulberry32: small, quick, and the same everywhere. @param {number} seed @returns {() => number} from 0 to below 1 */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const hiveId = (hive) => `hive-${hive}`;
export const workerId = (hive, worker) => `hive-${hive}-w${worker}`;
export const modelId = (model) => `llama-3-8b-${String(model).padStart(3, "0")}`;

/**
 * One heartbeat as its text travels; with 8 workers about 2.3 KB.
 *
 * @param {object} of
 * @param {number} of.hive
 * @param {number} of.workers
 * @param {number} of.models in the whole fleet; a hive with 8 workers has 8 of them
 * @param {number} of.atMs
 * @param {number} of.seq
 * @param {string} [of.boot]
 * @param {() => number} of.random
 * @param {boolean} [of.tied] every worker idle with the same GPU usage: the worst case for whoever keeps them in order
 */
export function heartbeatText({ hive, workers, models, atMs, seq, random, boot = `boot-${hive}`, tied = false }) {
  const timestamp = new Date(atMs).toISOString();
  const list = Array.from({ length: workers }, (_, at) => ({
    worker_id: workerId(hive, at),
    state: tied || random() < 0.7 ? "Idle" : "Busy",
    last_heartbeat: new Date(atMs - Math.floor(random() * 5_000)).toISOString(),
    health_status: "healthy",
    url: `http://10.${(hive >> 16) & 255}.${(hive >> 8) & 255}.${hive & 255}:${9_300 + at}`,
    model_id: modelId((hive * 7 + at) % models),
    backend: "cuda",
    device_id: at,
    vram_bytes: 8_000_000_000 + Math.floor(random() * 1e9),
    ram_bytes: 1_000_000_000 + Math.floor(random() * 1e9),
    cpu_percent: Math.floor(random() * 1_000) / 10,
    gpu_percent: tied ? 0 : Math.floor(random() * 1_000) / 10,
  }));
  return JSON.stringify({ hive_id: hiveId(hive), timestamp, boot_id: boot, seq, workers: list });
}
