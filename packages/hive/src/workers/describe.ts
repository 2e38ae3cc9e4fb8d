/** How the hive's knowledge of a worker becomes what it tells: pure functions. */
import { isLoopback } from "@hive-registry/command";
import type { ManagedWorker, WorkerHeartbeat, WorkerInfo, WorkerState } from "@hive-registry/contract";
import type { Reach } from "../heartbeat/reach.ts";
import type { SupervisedWorker } from "./supervised-worker.ts";
import type { Told } from "./told.ts";
import type { Usage } from "./usage.ts";

/** A worker that reported and then was quiet for so long hangs, though its process lives. */
export const DEGRADED_AFTER_MS = 30_000;

/** Busy when it says so or when every slot is taken. */
export function stateOf(beat: Partial<WorkerHeartbeat> | undefined): WorkerState {
  if (beat?.state === "Loading" || beat?.state === "Busy") return beat.state;
  const { slots_total, slots_busy } = beat ?? {};
  const full = slots_total !== undefined && slots_total > 0 && slots_busy !== undefined && slots_busy >= slots_total;
  return full ? "Busy" : "Idle";
}

export interface ManagedFacts {
  readonly told: Told | undefined;
  readonly usage: Usage | undefined;
  readonly reach: Reach;
  readonly nowMs: number;
  /** What it computes with when neither it nor the driver tells: `cpu` on a machine without other devices. */
  readonly backendOtherwise: string | undefined;
  /** The device it was told to use. */
  readonly deviceId: number | undefined;
}

/** A worker that was started here. What is measured counts before what it says of itself. */
export function describeManaged(worker: SupervisedWorker, facts: ManagedFacts): ManagedWorker {
  const { told, usage, reach } = facts;
  const beat = told?.beat;
  const runs = worker.phase === "ready" || worker.phase === "stopping";
  const hangs = told !== undefined && runs && facts.nowMs - told.heardAtMs >= DEGRADED_AFTER_MS;
  const info = known<WorkerInfo>({
    worker_id: worker.id,
    state: runs ? stateOf(beat) : "Loading",
    last_heartbeat: told?.heardAt ?? new Date(worker.changedAtMs).toISOString(),
    health_status: hangs || worker.error !== undefined ? "degraded" : (beat?.health_status ?? "healthy"),
    url: worker.port === undefined || reach.host === undefined ? undefined : `http://${reach.host}:${worker.port}`,
    model_id: worker.launch.alias,
    models: beat?.models,
    backend: usage?.backend ?? beat?.backend ?? facts.backendOtherwise,
    device_id: usage?.device_id ?? beat?.device_id ?? facts.deviceId,
    vram_bytes: usage?.vram_bytes ?? beat?.vram_bytes,
    ram_bytes: usage?.ram_bytes ?? beat?.ram_bytes,
    cpu_percent: usage?.cpu_percent ?? beat?.cpu_percent,
    gpu_percent: usage?.gpu_percent ?? beat?.gpu_percent,
    slots_total: beat?.slots_total ?? worker.launch.slots,
    slots_busy: beat?.slots_busy,
    queue_depth: beat?.queue_depth,
    kv_cache_percent: beat?.kv_cache_percent,
    engine: worker.engineName,
    draining: worker.draining || beat?.draining === true ? true : undefined,
    last_reservation: beat?.last_reservation,
    last_handover: beat?.last_handover,
  });
  return known<ManagedWorker>({
    worker: info,
    managed: true,
    phase: worker.phase,
    pid: worker.pid,
    restarts: worker.restarts,
    restart_in_ms: worker.restartInMs,
    error:
      worker.phase === "stopping"
        ? undefined
        : worker.error && { code: worker.error.code, message: worker.error.message },
  });
}

/** A worker that announced itself. */
export function describeReported({ beat, heardAt }: Told, reach: Reach): ManagedWorker {
  const { timestamp: _its, url, ...fields } = beat;
  // Seen from another machine, loopback is that machine.
  const usable = url !== undefined && !(reach.beyondLoopback && isLoopback(new URL(url).hostname)) ? { url } : {};
  const worker: WorkerInfo = { ...fields, ...usable, state: stateOf(beat), last_heartbeat: heardAt };
  return { worker, managed: false, phase: worker.state === "Loading" ? "starting" : "ready", restarts: 0 };
}

/** Leaves out what is not known. */
export function known<T extends object>(fields: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
