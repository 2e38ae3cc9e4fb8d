import type { DeviceInfo, HiveHeartbeatPayload, HiveReport } from "../types.ts";
import { kept } from "./kept.ts";
import { copyLabels } from "./labels.ts";

/** Copies what a heartbeat says of the hive itself, known fields only, and freezes it. */
export function copyReport(
  hiveId: string,
  from: Omit<HiveHeartbeatPayload, "hive_id" | "timestamp" | "workers">,
  times: { readonly last_heartbeat_ms: number; readonly received_at_ms: number; readonly clock_skew_ms?: number },
  known: HiveReport | undefined,
): HiveReport {
  const report: { -readonly [Key in keyof HiveReport]: HiveReport[Key] } = {
    hive_id: hiveId,
    last_heartbeat_ms: times.last_heartbeat_ms,
    received_at_ms: times.received_at_ms,
  };
  if (times.clock_skew_ms !== undefined) report.clock_skew_ms = times.clock_skew_ms;
  // The strings of one boot stay the same from beat to beat: keep the first copy.
  if (from.boot_id !== undefined) report.boot_id = kept(text(from.boot_id, "boot_id"), known?.boot_id);
  if (from.seq !== undefined) report.seq = number(from.seq, "seq");
  if (from.hive_url !== undefined) report.hive_url = kept(text(from.hive_url, "hive_url"), known?.hive_url);
  if (from.version !== undefined) report.version = kept(text(from.version, "version"), known?.version);
  if (from.interval_ms !== undefined) report.interval_ms = number(from.interval_ms, "interval_ms");
  if (from.devices !== undefined) report.devices = Object.freeze(from.devices.map(copyDevice));
  if (from.ram_total_bytes !== undefined) report.ram_total_bytes = number(from.ram_total_bytes, "ram_total_bytes");
  if (from.ram_available_bytes !== undefined)
    report.ram_available_bytes = number(from.ram_available_bytes, "ram_available_bytes");
  if (from.cpu_percent !== undefined) report.cpu_percent = number(from.cpu_percent, "cpu_percent");
  if (from.labels !== undefined) report.labels = copyLabels(from.labels, known?.labels, "payload.labels");
  return Object.freeze(report);
}

function copyDevice(from: DeviceInfo): DeviceInfo {
  return Object.freeze({
    id: text(from.id, "devices.id"),
    backend: text(from.backend, "devices.backend"),
    name: text(from.name, "devices.name"),
    vram_total_bytes: from.vram_total_bytes ?? null,
    vram_free_bytes: from.vram_free_bytes ?? null,
    utilization_percent: from.utilization_percent ?? null,
    temperature_c: from.temperature_c ?? null,
    power_w: from.power_w ?? null,
    uuid: from.uuid ?? null,
    driver: from.driver ?? null,
  });
}

function text(value: string, field: string): string {
  if (typeof value !== "string") throw new TypeError(`payload.${field} must be a string`);
  return value;
}

function number(value: number, field: string): number {
  if (typeof value !== "number" || !Number.isFinite(value))
    throw new TypeError(`payload.${field} must be a finite number`);
  return value;
}
