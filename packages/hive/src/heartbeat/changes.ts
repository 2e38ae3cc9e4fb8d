/** Which differences are worth telling. Numbers that always move a little must not turn each lease into a full heartbeat. */
import type { DeviceInfo, HiveHeartbeatPayload, WorkerInfo } from "@hive-registry/contract";

const PERCENT_STEP = 5;
const MEMORY_SHARE = 0.02;
const MEMORY_STEP_BYTES = 32 * 1_048_576;

/** What a heartbeat says of the machine: the payload without what is new in each one. */
export type Report = Omit<HiveHeartbeatPayload, "timestamp" | "boot_id" | "seq" | "interval_ms" | "goodbye">;

/** Whether anything changed that a reader of the registry would act on. */
export function hasChanged(before: Report, now: Report): boolean {
  return (
    before.hive_url !== now.hive_url ||
    memoryMoved(before.ram_available_bytes, now.ram_available_bytes) ||
    before.ram_total_bytes !== now.ram_total_bytes ||
    percentMoved(before.cpu_percent, now.cpu_percent) ||
    differ(before.workers, now.workers, workerChanged) ||
    differ(before.devices ?? [], now.devices ?? [], deviceChanged)
  );
}

/** Changes that cannot wait for the next beat: a worker came or went, or takes work differently than before. */
export function isUrgent(before: readonly WorkerInfo[], now: readonly WorkerInfo[]): boolean {
  return differ(before, now, takesWorkDifferently);
}

function takesWorkDifferently(before: WorkerInfo, now: WorkerInfo): boolean {
  return (
    before.worker_id !== now.worker_id ||
    before.state !== now.state ||
    before.url !== now.url ||
    before.draining !== now.draining ||
    before.health_status !== now.health_status ||
    before.model_id !== now.model_id ||
    before.slots_total !== now.slots_total ||
    !sameModels(before.models ?? [], now.models ?? []) ||
    handedOverDifferently(before, now)
  );
}

const sameModels = (before: readonly string[], now: readonly string[]): boolean =>
  before === now || (before.length === now.length && before.every((model, at) => model === now[at]));

/** While clients are sent to a worker, its own word is all that a queen hears of their requests. */
function handedOverDifferently(before: WorkerInfo, now: WorkerInfo): boolean {
  if (now.last_handover === undefined) return false;
  return before.last_handover !== now.last_handover || before.slots_busy !== now.slots_busy;
}

function workerChanged(before: WorkerInfo, now: WorkerInfo): boolean {
  return (
    takesWorkDifferently(before, now) ||
    before.slots_busy !== now.slots_busy ||
    before.queue_depth !== now.queue_depth ||
    before.backend !== now.backend ||
    before.device_id !== now.device_id ||
    before.engine !== now.engine ||
    before.last_reservation !== now.last_reservation ||
    before.last_handover !== now.last_handover ||
    memoryMoved(before.vram_bytes, now.vram_bytes) ||
    memoryMoved(before.ram_bytes, now.ram_bytes) ||
    percentMoved(before.gpu_percent, now.gpu_percent) ||
    percentMoved(before.cpu_percent, now.cpu_percent) ||
    percentMoved(before.kv_cache_percent, now.kv_cache_percent)
  );
}

function deviceChanged(before: DeviceInfo, now: DeviceInfo): boolean {
  return (
    before.id !== now.id ||
    before.index !== now.index ||
    before.backend !== now.backend ||
    before.memory !== now.memory ||
    before.name !== now.name ||
    before.driver !== now.driver ||
    before.vram_total_bytes !== now.vram_total_bytes ||
    memoryMoved(before.vram_free_bytes, now.vram_free_bytes) ||
    percentMoved(before.utilization_percent, now.utilization_percent) ||
    percentMoved(before.temperature_c, now.temperature_c) ||
    moved(before.power_w, now.power_w, 20)
  );
}

function differ<T>(before: readonly T[], now: readonly T[], changed: (before: T, now: T) => boolean): boolean {
  return before.length !== now.length || before.some((one, at) => changed(one, now[at] as T));
}

const percentMoved = (before: number | null | undefined, now: number | null | undefined): boolean =>
  moved(before, now, PERCENT_STEP);

const memoryMoved = (before: number | null | undefined, now: number | null | undefined): boolean =>
  moved(before, now, Math.max(MEMORY_STEP_BYTES, MEMORY_SHARE * (before ?? 0)));

function moved(before: number | null | undefined, now: number | null | undefined, step: number): boolean {
  if (before == null || now == null) return (before ?? null) !== (now ?? null);
  return Math.abs(now - before) >= step;
}
