import type { Family, Sample } from "@hive-registry/command/metrics";
import type { HiveRuntimeState, WorkerInfo } from "hive-registry";
import type { QueenReading } from "./reading.ts";

const GB = 1e9;
const STATES = ["Idle", "Busy", "Loading"] as const;
const SMALL = "only while the fleet is not larger than metrics_hives_max";
const SMALL_WORKERS = "only while the fleet is not larger than metrics_workers_max";

/** Hive by hive, and worker by worker: of fleets that are not too large. */
export const HIVE_FAMILIES: readonly Family<QueenReading>[] = [
  {
    ...{ name: "hive_registry_hive_info", kind: "gauge", labels: ["hive_id", "version"] },
    help: `What runs on each hive. Always 1; ${SMALL}.`,
    read: eachHive((hive) => [{ labels: { version: hive.version ?? "unknown" }, value: 1 }]),
  },
  {
    ...{ name: "hive_registry_hive_up", kind: "gauge", labels: ["hive_id"] },
    help: `1 while the hive is alive, 0 when it is suspect or silent; ${SMALL}.`,
    read: eachHive((hive) => [{ value: hive.status === "alive" ? 1 : 0 }]),
  },
  {
    ...{ name: "hive_registry_hive_flapping", kind: "gauge", labels: ["hive_id"] },
    help: `1 while the hive comes and goes: its workers are chosen last; ${SMALL}.`,
    read: eachHive((hive) => [{ value: hive.flapping === true ? 1 : 0 }]),
  },
  {
    ...{ name: "hive_registry_hive_heartbeat_age_seconds", kind: "gauge", labels: ["hive_id"] },
    help: `Since each hive was heard; ${SMALL}.`,
    read: eachHive((hive, now_ms) => [{ value: Math.max(0, now_ms - hive.received_at_ms) / 1_000 }]),
  },
  {
    ...{ name: "hive_registry_hive_clock_skew_seconds", kind: "gauge", labels: ["hive_id"] },
    help: `Each hive's clock minus the queen's. It decides nothing; ${SMALL}.`,
    read: eachHive((hive) => [{ value: scaled(hive.clock_skew_ms, 1e-3) }]),
  },
  {
    ...{ name: "hive_registry_hive_workers", kind: "gauge", labels: ["hive_id", "state"] },
    help: `Workers of each hive, by state; ${SMALL}.`,
    read: eachHive(({ workers }) =>
      STATES.map((state) => ({
        labels: { state: state.toLowerCase() },
        value: workers.filter((worker) => worker.state === state).length,
      })),
    ),
  },
  {
    ...{ name: "hive_registry_hive_vram_used_bytes", kind: "gauge", labels: ["hive_id"] },
    help: `VRAM of the devices that is used, whoever uses it; where it is not known, what the workers report; ${SMALL}.`,
    read: eachHive(({ vram_total_gb, vram_free_gb, vram_used_gb }) => [
      {
        value:
          vram_total_gb === undefined || vram_free_gb === undefined
            ? vram_used_gb * GB
            : Math.max(0, vram_total_gb - vram_free_gb) * GB,
      },
    ]),
  },
  {
    ...{ name: "hive_registry_hive_vram_bytes", kind: "gauge", labels: ["hive_id"] },
    help: `VRAM of each hive's devices; ${SMALL}.`,
    read: eachHive((hive) => [{ value: scaled(hive.vram_total_gb, GB) }]),
  },
  {
    ...{ name: "hive_registry_hive_ram_bytes", kind: "gauge", labels: ["hive_id"] },
    help: `Memory of each hive's machine; ${SMALL}.`,
    read: eachHive((hive) => [{ value: scaled(hive.ram_total_gb, GB) }]),
  },
  {
    ...{ name: "hive_registry_hive_ram_available_bytes", kind: "gauge", labels: ["hive_id"] },
    help: `Memory of each hive's machine that new programs can have; ${SMALL}.`,
    read: eachHive((hive) => [{ value: scaled(hive.ram_available_gb, GB) }]),
  },
  {
    ...{ name: "hive_registry_hive_cpu_usage_ratio", kind: "gauge", labels: ["hive_id"] },
    help: `Share of each machine's cores that is used, 0 to 1; ${SMALL}.`,
    read: eachHive((hive) => [{ value: scaled(hive.cpu_percent, 0.01) }]),
  },
  {
    ...{ name: "hive_registry_hive_gpu_utilization_ratio", kind: "gauge", labels: ["hive_id"] },
    help: `How busy each hive's devices are on average, 0 to 1; ${SMALL}.`,
    read: eachHive((hive) => [{ value: scaled(meanUtilization(hive), 0.01) }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_info", kind: "gauge", labels: ["hive_id", "worker_id", "model", "engine"] },
    help: `What each worker serves. Always 1; ${SMALL_WORKERS}.`,
    read: eachWorker(({ model_id = "", engine = "" }) => [{ labels: { model: model_id, engine }, value: 1 }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_healthy", kind: "gauge", labels: ["hive_id", "worker_id"] },
    help: `1 while the worker reports that it is healthy, 0 when it is degraded; ${SMALL_WORKERS}.`,
    read: eachWorker(({ health_status }) => [{ value: health_status === "healthy" ? 1 : 0 }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_slots", kind: "gauge", labels: ["hive_id", "worker_id"] },
    help: `Requests that each worker computes at once; ${SMALL_WORKERS}.`,
    read: eachWorker(({ slots_total }) => [{ value: slots_total }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_slots_busy", kind: "gauge", labels: ["hive_id", "worker_id"] },
    help: `Slots of each worker that are taken; ${SMALL_WORKERS}.`,
    read: eachWorker(({ slots_busy }) => [{ value: slots_busy }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_queue_depth", kind: "gauge", labels: ["hive_id", "worker_id"] },
    help: `Requests that wait inside each worker; ${SMALL_WORKERS}.`,
    read: eachWorker(({ queue_depth }) => [{ value: queue_depth }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_vram_bytes", kind: "gauge", labels: ["hive_id", "worker_id"] },
    help: `VRAM that each worker holds; ${SMALL_WORKERS}.`,
    read: eachWorker(({ vram_bytes }) => [{ value: vram_bytes }]),
  },
  {
    ...{ name: "hive_registry_fleet_worker_kv_cache_usage_ratio", kind: "gauge", labels: ["hive_id", "worker_id"] },
    help: `Share of each worker's KV cache that is taken, 0 to 1; ${SMALL_WORKERS}.`,
    read: eachWorker(({ kv_cache_percent }) => [{ value: scaled(kv_cache_percent, 0.01) }]),
  },
];

function eachHive(
  read: (hive: HiveRuntimeState, now_ms: number) => readonly Sample[],
): (reading: QueenReading) => readonly Sample[] {
  return ({ hives, now_ms }) =>
    hives.flatMap((hive) =>
      read(hive, now_ms).map(({ labels, value }) => ({ labels: { hive_id: hive.hive_id, ...labels }, value })),
    );
}

function eachWorker(read: (worker: WorkerInfo) => readonly Sample[]): (reading: QueenReading) => readonly Sample[] {
  return ({ hives, tells_workers }) =>
    (tells_workers ? hives : []).flatMap(({ hive_id, workers }) =>
      workers.flatMap((worker) =>
        read(worker).map(({ labels, value }) => ({
          labels: { hive_id, worker_id: worker.worker_id, ...labels },
          value,
        })),
      ),
    );
}

/** Rounded, for 7 × 0.01 is not 0.07 in floating point. */
const scaled = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : Number((value * factor).toPrecision(12));

function meanUtilization({ devices = [] }: HiveRuntimeState): number | undefined {
  const known = devices.map((device) => device.utilization_percent).filter((percent) => percent !== null);
  return known.length === 0 ? undefined : known.reduce((sum, percent) => sum + percent, 0) / known.length;
}
