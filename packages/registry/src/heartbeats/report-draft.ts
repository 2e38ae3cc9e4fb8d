import type { DeviceInfo, HiveHeartbeatPayload, Labels } from "../types.ts";
import { copyLabels } from "./labels.ts";

/** What a heartbeat says of the hive itself, beside its workers and its time. */
type Reported = Omit<HiveHeartbeatPayload, "hive_id" | "timestamp" | "workers">;

/**
 * What one heartbeat says of the hive itself, read and checked before any of it counts. Written over by each, as the draft of
 * its workers. Of numbers NaN: not reported.
 */
export class ReportDraft {
  boot_id: string | undefined = undefined;
  seq: number = Number.NaN;
  hive_url: string | undefined = undefined;
  version: string | undefined = undefined;
  interval_ms: number = Number.NaN;
  devices: readonly DeviceInfo[] | undefined = undefined;
  ram_total_bytes: number = Number.NaN;
  ram_available_bytes: number = Number.NaN;
  cpu_percent: number = Number.NaN;
  /** Its own. */
  labels: Labels | undefined = undefined;

  /**
   * @param knownLabels that it had before: the same object where nothing changed.
   * @throws {TypeError} naming the field, for what could not have passed the door.
   */
  read(from: Reported, knownLabels: Labels | undefined): void {
    this.boot_id = optionalText(from.boot_id, "boot_id");
    this.seq = optionalNumber(from.seq, "seq");
    this.hive_url = optionalText(from.hive_url, "hive_url");
    this.version = optionalText(from.version, "version");
    this.interval_ms = optionalNumber(from.interval_ms, "interval_ms");
    this.devices = from.devices === undefined ? undefined : Object.freeze(from.devices.map(copyDevice));
    this.ram_total_bytes = optionalNumber(from.ram_total_bytes, "ram_total_bytes");
    this.ram_available_bytes = optionalNumber(from.ram_available_bytes, "ram_available_bytes");
    this.cpu_percent = optionalNumber(from.cpu_percent, "cpu_percent");
    this.labels = from.labels === undefined ? undefined : copyLabels(from.labels, knownLabels, "payload.labels");
  }
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
    ...(from.index === undefined ? undefined : { index: from.index }),
    ...(from.memory === undefined ? undefined : { memory: from.memory }),
  });
}

function text(value: string, field: string): string {
  if (typeof value !== "string") throw new TypeError(`payload.${field} must be a string`);
  return value;
}

const optionalText = (value: string | undefined, field: string): string | undefined =>
  value === undefined ? undefined : text(value, field);

function optionalNumber(value: number | undefined, field: string): number {
  if (value === undefined) return Number.NaN;
  if (typeof value !== "number" || !Number.isFinite(value))
    throw new TypeError(`payload.${field} must be a finite number`);
  return value;
}
