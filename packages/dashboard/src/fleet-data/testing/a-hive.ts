import type { DeviceInfo, HiveRuntimeState, WorkerInfo } from "@hive-registry/client";

/** A worker that is idle and well, unless the story says otherwise. */
export const aWorker = (changes: Partial<WorkerInfo> = {}): WorkerInfo => ({
  worker_id: "w1",
  state: "Idle",
  last_heartbeat: "2026-01-01T00:00:00Z",
  health_status: "healthy",
  url: "http://127.0.0.1:9300",
  ...changes,
});

export const aDevice = (changes: Partial<DeviceInfo> = {}): DeviceInfo => ({
  ...{ id: "gpu0", backend: "cuda", name: "A GPU", vram_total_bytes: 24e9, vram_free_bytes: 8e9 },
  ...{ utilization_percent: 40, temperature_c: 60, power_w: 200, uuid: null, driver: null },
  ...changes,
});

export const aHive = (changes: Partial<HiveRuntimeState> = {}): HiveRuntimeState => ({
  hive_id: "desk",
  workers: [],
  last_heartbeat_ms: 0,
  received_at_ms: 0,
  vram_used_gb: 0,
  ram_used_gb: 0,
  worker_count: changes.workers?.length ?? 0,
  status: "alive",
  ...changes,
});
