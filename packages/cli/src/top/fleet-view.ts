import type { FleetEvent, HiveRuntimeState, ModelSummary, StatsReply, WorkerInfo } from "@hive-registry/client";
import type { HiveRegistry } from "hive-registry";

/** How the stream from the queen is. `lost` since it broke; what is shown is what was known then. */
export type Link = { readonly state: "open" } | { readonly state: "lost"; readonly sinceMs: number };

/** All that a picture is made of. */
export interface FleetView {
  readonly queenUrl: string;
  readonly registry: Pick<
    HiveRegistry,
    "listAllHives" | "getHiveState" | "getWorkersOnHive" | "listAllWorkers" | "models" | "stats"
  >;
  /** What only the queen knows. */
  readonly stats: Pick<StatsReply, "requests" | "heartbeats_per_second"> | undefined;
  /** Newest last. */
  readonly events: readonly FleetEvent[];
  /** GPU load of each hive over the last minutes, percent. */
  readonly heat: ReadonlyMap<string, readonly (number | null)[]>;
  readonly link: Link;
  /** This machine's clock, and how far the queen's is before it. */
  readonly nowMs: number;
  readonly queenAheadMs: number;
}

export type HiveSort = "name" | "gpu" | "vram" | "workers" | "heard";
export const HIVE_SORTS: readonly HiveSort[] = ["name", "gpu", "vram", "workers", "heard"];
export type WorkerSort = "name" | "state" | "gpu";
export const WORKER_SORTS: readonly WorkerSort[] = ["name", "state", "gpu"];
export type ModelSort = "name" | "workers" | "free";
export const MODEL_SORTS: readonly ModelSort[] = ["name", "workers", "free"];

export interface HiveRow {
  readonly id: string;
  readonly hive: HiveRuntimeState;
  readonly gpuPercent: number | undefined;
  readonly vramShare: number | undefined;
}

export interface WorkerRow {
  readonly id: string;
  readonly hiveId: string;
  readonly worker: WorkerInfo;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Mean of the devices that tell it. */
function gpuPercentOf({ devices = [] }: HiveRuntimeState): number | undefined {
  const known = devices.flatMap(({ utilization_percent }) => (utilization_percent === null ? [] : utilization_percent));
  return known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / known.length;
}

function vramShareOf({ vram_total_gb, vram_free_gb }: HiveRuntimeState): number | undefined {
  if (vram_total_gb === undefined || vram_total_gb === 0 || vram_free_gb === undefined) return undefined;
  return 1 - vram_free_gb / vram_total_gb;
}

const HIVE_ORDERS: Readonly<Record<HiveSort, (a: HiveRow, b: HiveRow) => number>> = {
  name: () => 0,
  gpu: (a, b) => (b.gpuPercent ?? -1) - (a.gpuPercent ?? -1),
  vram: (a, b) => (b.vramShare ?? -1) - (a.vramShare ?? -1),
  workers: (a, b) => b.hive.worker_count - a.hive.worker_count,
  heard: (a, b) => a.hive.received_at_ms - b.hive.received_at_ms,
};

export function hiveRows({ registry }: FleetView, filter: string, sort: HiveSort): HiveRow[] {
  const rows = registry.listAllHives().flatMap((id): HiveRow[] => {
    const hive = registry.getHiveState(id);
    if (hive === undefined || !matches(filter, [id, hive.status, ...Object.values(hive.labels ?? {})])) return [];
    return [{ id, hive, gpuPercent: gpuPercentOf(hive), vramShare: vramShareOf(hive) }];
  });
  return rows.sort((a, b) => HIVE_ORDERS[sort](a, b) || byText(a.id, b.id));
}

const WORKER_ORDERS: Readonly<Record<WorkerSort, (a: WorkerRow, b: WorkerRow) => number>> = {
  name: () => 0,
  state: (a, b) => byText(a.worker.state, b.worker.state),
  gpu: (a, b) => (b.worker.gpu_percent ?? -1) - (a.worker.gpu_percent ?? -1),
};

/** @param hiveId only this hive's */
export function workerRows(
  { registry }: FleetView,
  filter: string,
  sort: WorkerSort,
  hiveId: string | undefined,
): WorkerRow[] {
  const all =
    hiveId === undefined
      ? registry.listAllWorkers()
      : registry.getWorkersOnHive(hiveId).map((worker) => ({ hive_id: hiveId, worker }));
  const rows = all.flatMap(({ hive_id, worker }): WorkerRow[] => {
    const texts = [worker.worker_id, hive_id, worker.state, worker.model_id ?? "", worker.backend ?? ""];
    if (!matches(filter, texts)) return [];
    return [{ id: `${hive_id}\n${worker.worker_id}`, hiveId: hive_id, worker }];
  });
  return rows.sort((a, b) => WORKER_ORDERS[sort](a, b) || byText(a.id, b.id));
}

const MODEL_ORDERS: Readonly<Record<ModelSort, (a: ModelSummary, b: ModelSummary) => number>> = {
  name: () => 0,
  workers: (a, b) => b.workers - a.workers,
  free: (a, b) => b.slots_free - a.slots_free,
};

export function modelRows({ registry }: FleetView, filter: string, sort: ModelSort): ModelSummary[] {
  const rows = registry.models().filter(({ model }) => matches(filter, [model]));
  return rows.sort((a, b) => MODEL_ORDERS[sort](a, b) || byText(a.model, b.model));
}

/** Newest first. */
export function eventRows({ events }: FleetView, filter: string, hiveId?: string): FleetEvent[] {
  return events
    .filter((event) => hiveId === undefined || event.hive_id === hiveId)
    .filter(({ message, type, level }) => matches(filter, [message, type, level]))
    .toReversed();
}

function matches(filter: string, texts: readonly string[]): boolean {
  const wanted = filter.toLowerCase();
  return wanted === "" || texts.some((text) => text.toLowerCase().includes(wanted));
}
