import { timestampMs } from "../heartbeats/timestamp.ts";
import type { HiveHeartbeatPayload } from "../types.ts";

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
  let [vram, vramTold] = [0, 0];
  let [gpu, gpuTold] = [0, 0];
  if (devices !== undefined) {
    for (const { vram_total_bytes, vram_free_bytes, utilization_percent, memory } of devices) {
      // The machine's memory: what is used of it are not models alone, and it stands under RAM.
      if (memory !== "unified" && vram_total_bytes !== null && vram_free_bytes !== null) {
        vram += Math.max(0, vram_total_bytes - vram_free_bytes);
        vramTold++;
      }
      if (utilization_percent !== null) {
        gpu += utilization_percent;
        gpuTold++;
      }
    }
  }
  const needs = { vram: vramTold === 0, gpu: gpuTold === 0 };
  let [ram, ramTold] = [0, 0];
  let [cpu, cpuTold] = [0, 0];
  for (const worker of workers) {
    if (needs.vram && worker.vram_bytes !== undefined) {
      vram += worker.vram_bytes;
      vramTold++;
    }
    if (needs.gpu && worker.gpu_percent !== undefined) {
      gpu += worker.gpu_percent;
      gpuTold++;
    }
    if (worker.ram_bytes !== undefined) {
      ram += worker.ram_bytes;
      ramTold++;
    }
    if (worker.cpu_percent !== undefined) {
      cpu += worker.cpu_percent;
      cpuTold++;
    }
  }
  const ramUsed = (ram_total_bytes ?? Number.NaN) - (ram_available_bytes ?? Number.NaN);
  into.workers = workers.length;
  into.vram_used_bytes = vramTold === 0 ? Number.NaN : vram;
  into.ram_used_bytes = Number.isNaN(ramUsed) ? (ramTold === 0 ? Number.NaN : ram) : Math.max(0, ramUsed);
  into.cpu_percent = cpu_percent ?? (cpuTold === 0 ? Number.NaN : Math.min(100, cpu));
  into.gpu_percent = gpuTold === 0 ? Number.NaN : gpu / gpuTold;
}

/** How far the sender's clock is ahead, ms; the time on the way is in it. NaN for a text that is no time. */
export function skewMsOf({ timestamp }: HiveHeartbeatPayload, receivedAtMs: number): number {
  const quick = timestampMs(timestamp);
  return (Number.isNaN(quick) ? Date.parse(timestamp) : quick) - receivedAtMs;
}
