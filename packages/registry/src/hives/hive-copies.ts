/** What callers get of a hive: objects of their own, of frozen parts. What the hive does not report is absent. */
import type { DeviceInfo, HiveReport, HiveRuntimeState, HiveStatus, Labels, ResourceInfo } from "../types.ts";
import { HoldsWorkers, type WorkerList } from "../workers/worker-list.ts";
import type { HiveRecord } from "./hive-record.ts";

const GB = 1e9;

// Classes and no literals, because the fields of a literal that grows lie in a second object that grows with them.

/** What the registry tells of a hive. */
export class HiveState extends HoldsWorkers implements HiveRuntimeState {
  declare readonly hive_id: string;
  declare readonly last_heartbeat_ms: number;
  declare readonly vram_used_gb: number;
  declare readonly ram_used_gb: number;
  declare readonly worker_count: number;
  declare readonly received_at_ms: number;
  declare readonly status: HiveStatus;
  declare readonly clock_skew_ms?: number;
  declare readonly boot_id?: string;
  declare readonly seq?: number;
  declare readonly hive_url?: string;
  declare readonly version?: string;
  declare readonly interval_ms?: number;
  declare readonly devices?: readonly DeviceInfo[];
  declare readonly vram_total_gb?: number;
  declare readonly vram_free_gb?: number;
  declare readonly ram_total_gb?: number;
  declare readonly ram_available_gb?: number;
  declare readonly cpu_percent?: number;
  declare readonly labels?: Labels;
  declare readonly flapping?: true;

  constructor(hive: HiveRecord, list: WorkerList) {
    super(list);
    this.hive_id = hive.hiveId;
    this.defineWorkers();
    this.last_heartbeat_ms = hive.lastHeartbeatMs;
    this.vram_used_gb = hive.vramBytes / GB;
    this.ram_used_gb = hive.ramBytes / GB;
    this.worker_count = hive.workerCount;
    this.received_at_ms = hive.receivedAtMs;
    this.status = hive.status;
    const { clockSkewMs, seq, toldIntervalMs, cpuPercent, ramTotalBytes, ramAvailableBytes, devices } = hive;
    if (!Number.isNaN(clockSkewMs)) this.clock_skew_ms = clockSkewMs;
    if (hive.bootId !== undefined) this.boot_id = hive.bootId;
    if (!Number.isNaN(seq)) this.seq = seq;
    if (hive.hiveUrl !== undefined) this.hive_url = hive.hiveUrl;
    if (hive.version !== undefined) this.version = hive.version;
    if (!Number.isNaN(toldIntervalMs)) this.interval_ms = toldIntervalMs;
    if (!Number.isNaN(cpuPercent)) this.cpu_percent = cpuPercent;
    if (!Number.isNaN(ramTotalBytes)) this.ram_total_gb = ramTotalBytes / GB;
    if (!Number.isNaN(ramAvailableBytes)) this.ram_available_gb = ramAvailableBytes / GB;
    if (hive.labels !== undefined) this.labels = hive.labels;
    if (hive.flapping) this.flapping = true;
    if (devices !== undefined) {
      this.devices = devices;
      const { total, free } = deviceMemory(devices);
      if (total !== undefined) this.vram_total_gb = total / GB;
      if (free !== undefined) this.vram_free_gb = free / GB;
    }
  }
}

export function resourcesOf(hive: HiveRecord): ResourceInfo {
  const { ramTotalBytes, ramAvailableBytes, devices } = hive;
  const { total, free } = deviceMemory(devices ?? []);
  return {
    vram_used_gb: hive.vramBytes / GB,
    ram_used_gb: hive.ramBytes / GB,
    worker_count: hive.workerCount,
    ...(total === undefined ? undefined : { vram_total_gb: total / GB }),
    ...(free === undefined ? undefined : { vram_free_gb: free / GB }),
    ...(Number.isNaN(ramTotalBytes) ? undefined : { ram_total_gb: ramTotalBytes / GB }),
    ...(Number.isNaN(ramAvailableBytes) ? undefined : { ram_available_gb: ramAvailableBytes / GB }),
    ...(devices === undefined ? undefined : { devices }),
  };
}

/** What a replica needs of a hive beside its workers, frozen. */
export const reportOf = (hive: HiveRecord): HiveReport => Object.freeze(new ReportCopy(hive));

class ReportCopy implements HiveReport {
  declare readonly hive_id: string;
  declare readonly last_heartbeat_ms: number;
  declare readonly received_at_ms: number;
  declare readonly clock_skew_ms?: number;
  declare readonly boot_id?: string;
  declare readonly seq?: number;
  declare readonly hive_url?: string;
  declare readonly version?: string;
  declare readonly interval_ms?: number;
  declare readonly devices?: readonly DeviceInfo[];
  declare readonly ram_total_bytes?: number;
  declare readonly ram_available_bytes?: number;
  declare readonly cpu_percent?: number;
  declare readonly labels?: Labels;
  declare readonly flapping?: true;

  constructor(hive: HiveRecord) {
    this.hive_id = hive.hiveId;
    this.last_heartbeat_ms = hive.lastHeartbeatMs;
    this.received_at_ms = hive.receivedAtMs;
    const { clockSkewMs, seq, toldIntervalMs, cpuPercent, ramTotalBytes, ramAvailableBytes } = hive;
    if (!Number.isNaN(clockSkewMs)) this.clock_skew_ms = clockSkewMs;
    if (hive.bootId !== undefined) this.boot_id = hive.bootId;
    if (!Number.isNaN(seq)) this.seq = seq;
    if (hive.hiveUrl !== undefined) this.hive_url = hive.hiveUrl;
    if (hive.version !== undefined) this.version = hive.version;
    if (!Number.isNaN(toldIntervalMs)) this.interval_ms = toldIntervalMs;
    if (hive.devices !== undefined) this.devices = hive.devices;
    if (!Number.isNaN(ramTotalBytes)) this.ram_total_bytes = ramTotalBytes;
    if (!Number.isNaN(ramAvailableBytes)) this.ram_available_bytes = ramAvailableBytes;
    if (!Number.isNaN(cpuPercent)) this.cpu_percent = cpuPercent;
    if (hive.ownLabels !== undefined) this.labels = hive.ownLabels;
    if (hive.flapping) this.flapping = true;
  }
}

/** A hive in a snapshot. */
export class HiveSnapshot extends HoldsWorkers {
  readonly report: HiveReport;
  readonly status: HiveStatus;

  constructor(hive: HiveRecord, list: WorkerList) {
    super(list);
    this.report = reportOf(hive);
    this.defineWorkers();
    this.status = hive.status;
  }
}

/** Sums over the devices that tell; undefined when none does. Devices without memory of their own share one. */
function deviceMemory(devices: readonly DeviceInfo[]): {
  readonly total: number | undefined;
  readonly free: number | undefined;
} {
  let total: number | undefined;
  let free: number | undefined;
  let sharedTotal = 0;
  let sharedFree = 0;
  for (const { vram_total_bytes, vram_free_bytes, memory } of devices) {
    const isShared = memory === "unified";
    // Of several that share one memory only what is more than the others' adds to the sum.
    if (vram_total_bytes !== null) {
      total = (total ?? 0) + (isShared ? Math.max(0, vram_total_bytes - sharedTotal) : vram_total_bytes);
      if (isShared) sharedTotal = Math.max(sharedTotal, vram_total_bytes);
    }
    if (vram_free_bytes !== null) {
      free = (free ?? 0) + (isShared ? Math.max(0, vram_free_bytes - sharedFree) : vram_free_bytes);
      if (isShared) sharedFree = Math.max(sharedFree, vram_free_bytes);
    }
  }
  return { total, free };
}
