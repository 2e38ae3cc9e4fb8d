import { HiveRegistry } from "hive-registry";

const registry = new HiveRegistry();
const timestamp = new Date().toISOString();
const worker = { worker_id: "gpu-0", state: "Idle", last_heartbeat: timestamp, health_status: "healthy" } as const;
const loaded = { ...worker, url: "http://desk:9300", model_id: "llama-3-8b", gpu_percent: 4 };
registry.updateHiveState("desk", { hive_id: "desk", timestamp, workers: [loaded] });

console.log(registry.findBestWorkerForModel("llama-3-8b")?.worker.url); // http://desk:9300
console.log(registry.isHiveOnline("desk", 30_000), registry.totalWorkerCount()); // true 1
