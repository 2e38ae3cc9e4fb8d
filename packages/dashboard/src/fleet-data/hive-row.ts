import type { HiveRuntimeState, HiveStatus, WorkerInfo } from "@hive-registry/client";
import type { Labels } from "hive-registry";

/** A hive as lists draw it: made once for each heartbeat, so that filtering and sorting ten thousand costs no look inside. */
export interface HiveRow {
  readonly hive_id: string;
  readonly status: HiveStatus;
  readonly received_at_ms: number;
  readonly clock_skew_ms: number | undefined;
  /** It falls silent and comes back, again and again. */
  readonly isFlapping: boolean;
  readonly vram_used_bytes: number;
  /** Undefined where no device tells. */
  readonly vram_total_bytes: number | undefined;
  /** One a device, in its order; undefined where the driver does not tell. */
  readonly gpus: readonly (number | undefined)[];
  /** Mean of those that tell. */
  readonly gpu_percent: number | undefined;
  readonly cpu_percent: number | undefined;
  readonly workers: { readonly total: number; readonly idle: number; readonly busy: number; readonly loading: number };
  readonly slots_free: number;
  /** Loaded ones, each once, in the order of the workers. */
  readonly models: readonly string[];
  readonly backends: readonly string[];
  readonly labels: Labels | undefined;
  readonly version: string | undefined;
  /** All that a search looks at, in small letters, a space between. */
  readonly text: string;
}

export function hiveRow(state: HiveRuntimeState): HiveRow {
  const models = new Set<string>();
  const backends = new Set<string>();
  const workers = { total: state.workers.length, idle: 0, busy: 0, loading: 0 };
  let slotsFree = 0;
  for (const worker of state.workers) {
    if (worker.state === "Idle") workers.idle++;
    else if (worker.state === "Busy") workers.busy++;
    else workers.loading++;
    if (worker.model_id !== undefined) models.add(worker.model_id);
    if (worker.backend !== undefined) backends.add(worker.backend);
    if (state.status === "alive") slotsFree += freeSlots(worker);
  }
  const gpus = (state.devices ?? []).map(({ utilization_percent }) => utilization_percent ?? undefined);
  for (const { backend } of state.devices ?? []) backends.add(backend);
  return {
    hive_id: state.hive_id,
    status: state.status,
    received_at_ms: state.received_at_ms,
    clock_skew_ms: state.clock_skew_ms,
    isFlapping: state.flapping === true,
    vram_used_bytes: vramUsedBytes(state),
    vram_total_bytes: state.vram_total_gb === undefined ? undefined : state.vram_total_gb * 1e9,
    gpus,
    gpu_percent: mean(gpus),
    cpu_percent: state.cpu_percent,
    workers,
    slots_free: slotsFree,
    models: [...models],
    backends: [...backends],
    labels: state.labels,
    version: state.version,
    text: searchText(state, models, backends),
  };
}

/** What the devices say is taken, by whomever; where they do not tell, what the workers say that they hold. */
function vramUsedBytes({ vram_total_gb, vram_free_gb, vram_used_gb }: HiveRuntimeState): number {
  if (vram_total_gb !== undefined && vram_free_gb !== undefined) return (vram_total_gb - vram_free_gb) * 1e9;
  return vram_used_gb * 1e9;
}

/** Requests that it takes at once now: as the registry counts a model's free slots. */
export function freeSlots(worker: WorkerInfo): number {
  if (worker.state === "Loading" || worker.draining === true || worker.url === undefined) return 0;
  if (worker.slots_total === undefined) return worker.state === "Idle" ? 1 : 0;
  return Math.max(0, worker.slots_total - (worker.slots_busy ?? 0));
}

export function mean(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (value === undefined) continue;
    sum += value;
    count++;
  }
  return count === 0 ? undefined : sum / count;
}

function searchText(state: HiveRuntimeState, models: Iterable<string>, backends: Iterable<string>): string {
  const labels = Object.entries(state.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const devices = (state.devices ?? []).map(({ name }) => name);
  return [state.hive_id, ...labels, ...models, ...backends, ...new Set(devices)].join(" ").toLowerCase();
}
