import { timestampMs } from "../heartbeats/timestamp.ts";
import type { DeviceInfo, HiveHeartbeatPayload, WorkerInfo } from "../types.ts";

/** What a full heartbeat tells of a machine; NaN: it does not say. */
export interface HiveNumbers {
  workers: number;
  vram_used_bytes: number;
  ram_used_bytes: number;
  cpu_percent: number;
  gpu_percent: number;
}

/**
 * Reads a heartbeat's numbers into `into`, so that none is made for each. The machine's own numbers come first, because they have other
 * programs in them; where it has none, what its workers report is summed up. GPU: the mean of the devices, else of the workers.
 */
export function readNumbers(payload: HiveHeartbeatPayload, into: HiveNumbers): void {
  const { workers, devices, ram_total_bytes, ram_available_bytes, cpu_percent } = payload;
  // NaN until something is told.
  let vram = Number.NaN;
  let gpu = Number.NaN;
  let gpuTold = 0;
  for (let at = 0; devices !== undefined && at < devices.length; at++) {
    const { vram_total_bytes, vram_free_bytes, utilization_percent, memory } = devices[at] as DeviceInfo;
    // The machine's memory: what is used of it are not models alone, and it stands under RAM.
    if (memory !== "unified" && vram_total_bytes !== null && vram_free_bytes !== null) {
      vram = (vram || 0) + Math.max(0, vram_total_bytes - vram_free_bytes);
    }
    if (utilization_percent !== null) {
      gpu = (gpu || 0) + utilization_percent;
      gpuTold++;
    }
  }
  let ram = (ram_total_bytes ?? Number.NaN) - (ram_available_bytes ?? Number.NaN);
  let cpu = cpu_percent ?? Number.NaN;
  const asksVram = Number.isNaN(vram);
  const asksGpu = gpuTold === 0;
  const asksRam = Number.isNaN(ram);
  const asksCpu = Number.isNaN(cpu);
  const asks = asksVram || asksGpu || asksRam || asksCpu;
  for (let at = 0; asks && at < workers.length; at++) {
    const worker = workers[at] as WorkerInfo;
    if (asksVram && worker.vram_bytes !== undefined) vram = (vram || 0) + worker.vram_bytes;
    if (asksRam && worker.ram_bytes !== undefined) ram = (ram || 0) + worker.ram_bytes;
    if (asksCpu && worker.cpu_percent !== undefined) cpu = (cpu || 0) + worker.cpu_percent;
    if (asksGpu && worker.gpu_percent !== undefined) {
      gpu = (gpu || 0) + worker.gpu_percent;
      gpuTold++;
    }
  }
  into.workers = workers.length;
  into.vram_used_bytes = vram;
  into.ram_used_bytes = Math.max(0, ram);
  into.cpu_percent = Math.min(100, cpu);
  into.gpu_percent = gpu / gpuTold;
}

/** How far the sender's clock is ahead, ms; the time on the way is in it. NaN for a text that is no time. */
export function skewMsOf({ timestamp }: HiveHeartbeatPayload, receivedAtMs: number): number {
  const quick = timestampMs(timestamp);
  return (Number.isNaN(quick) ? Date.parse(timestamp) : quick) - receivedAtMs;
}
