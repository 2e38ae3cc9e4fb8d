import type { HeartbeatOrder } from "../heartbeats/order.ts";
import type { Due } from "../indexes/deadline-heap.ts";
import type { HiveReport, HiveRuntimeState, HiveStatus, Labels, ResourceInfo, WorkerInfo } from "../types.ts";
import type { AgeBucket } from "./age-index.ts";
import type { LivenessFacts } from "./liveness.ts";

const GB = 1e9;

/** One hive inside the registry. It changes with each heartbeat and is never handed out: callers get {@link stateOf}. */
export class HiveRecord implements LivenessFacts, Due {
  readonly hiveId: string;
  report: HiveReport;
  /** As in the report; asked for so often that it stands here too. */
  receivedAtMs: number;
  workers: readonly WorkerInfo[] = [];
  /** Rows of its workers in the worker table, in the order of `workers`. */
  rows: number[] = [];
  status: HiveStatus = "silent";
  closed = false;
  goodbye = false;
  intervalMs: number;
  vramBytes = 0;
  ramBytes = 0;
  pastBoots: string[] | undefined = undefined;
  /** Its own, and over them the operator's. */
  labels: Labels | undefined = undefined;

  /** In the table of hives. */
  number = -1;

  // Its place in the age index.
  bucket: AgeBucket | undefined = undefined;
  bucketPosition = 0;

  // Its place in the deadline heap.
  checkAtMs: number = Number.POSITIVE_INFINITY;
  deadlinePosition = -1;

  constructor(hiveId: string, report: HiveReport, intervalMs: number) {
    this.hiveId = hiveId;
    this.report = report;
    this.receivedAtMs = report.received_at_ms;
    this.intervalMs = intervalMs;
  }

  get order(): HeartbeatOrder {
    return { bootId: this.report.boot_id, seq: this.report.seq, timestampMs: this.report.last_heartbeat_ms };
  }
}

/** What the registry tells of a hive: a new object each time, of frozen parts. */
export function stateOf(hive: HiveRecord): HiveRuntimeState {
  const { report } = hive;
  const state: { -readonly [Key in keyof HiveRuntimeState]: HiveRuntimeState[Key] } = {
    hive_id: hive.hiveId,
    workers: hive.workers,
    last_heartbeat_ms: report.last_heartbeat_ms,
    vram_used_gb: hive.vramBytes / GB,
    ram_used_gb: hive.ramBytes / GB,
    worker_count: hive.workers.length,
    received_at_ms: report.received_at_ms,
    status: hive.status,
  };
  if (report.clock_skew_ms !== undefined) state.clock_skew_ms = report.clock_skew_ms;
  if (report.boot_id !== undefined) state.boot_id = report.boot_id;
  if (report.seq !== undefined) state.seq = report.seq;
  if (report.hive_url !== undefined) state.hive_url = report.hive_url;
  if (report.version !== undefined) state.version = report.version;
  if (report.interval_ms !== undefined) state.interval_ms = report.interval_ms;
  if (report.cpu_percent !== undefined) state.cpu_percent = report.cpu_percent;
  if (report.ram_total_bytes !== undefined) state.ram_total_gb = report.ram_total_bytes / GB;
  if (report.ram_available_bytes !== undefined) state.ram_available_gb = report.ram_available_bytes / GB;
  if (hive.labels !== undefined) state.labels = hive.labels;
  if (report.devices !== undefined) {
    state.devices = report.devices;
    const { total, free } = deviceMemory(report);
    if (total !== undefined) state.vram_total_gb = total / GB;
    if (free !== undefined) state.vram_free_gb = free / GB;
  }
  return state;
}

export function resourcesOf(hive: HiveRecord): ResourceInfo {
  const {
    vram_used_gb,
    ram_used_gb,
    worker_count,
    vram_total_gb,
    vram_free_gb,
    ram_total_gb,
    ram_available_gb,
    devices,
  } = stateOf(hive);
  return {
    vram_used_gb,
    ram_used_gb,
    worker_count,
    ...(vram_total_gb === undefined ? undefined : { vram_total_gb }),
    ...(vram_free_gb === undefined ? undefined : { vram_free_gb }),
    ...(ram_total_gb === undefined ? undefined : { ram_total_gb }),
    ...(ram_available_gb === undefined ? undefined : { ram_available_gb }),
    ...(devices === undefined ? undefined : { devices }),
  };
}

/** Sums over the devices that tell; undefined when none does. */
function deviceMemory(report: HiveReport): { readonly total: number | undefined; readonly free: number | undefined } {
  let total: number | undefined;
  let free: number | undefined;
  for (const device of report.devices ?? []) {
    if (device.vram_total_bytes !== null) total = (total ?? 0) + device.vram_total_bytes;
    if (device.vram_free_bytes !== null) free = (free ?? 0) + device.vram_free_bytes;
  }
  return { total, free };
}
