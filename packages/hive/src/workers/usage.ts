/** What each worker uses, measured over its whole process tree. Unknown is absent. */
import { cpus } from "node:os";
import type { Clock } from "../clock.ts";
import type { FoundDevice, ProcessMemory } from "../devices/source.ts";
import { cpuSecondsBetween, type ProcessStat, readProcesses, readResidentBytes, treeOf } from "./process-tree.ts";

export interface Usage {
  readonly ram_bytes?: number;
  /** Share of the whole machine's cores, 0–100. */
  readonly cpu_percent?: number;
  readonly vram_bytes?: number;
  readonly gpu_percent?: number;
  /** The device it holds most memory on. */
  readonly device_id?: number;
  readonly backend?: string;
}

export interface UsageMeterDeps {
  readonly clock: Clock;
  readonly processes?: typeof readProcesses;
  readonly residentBytes?: typeof readResidentBytes;
  readonly cores?: number;
}

/** Measures workers by the pid of their first process; keeps the last look for what is a difference. */
export class UsageMeter {
  readonly #deps: Required<UsageMeterDeps>;
  #before = new Map<number, { readonly atMs: number; readonly tree: readonly ProcessStat[] }>();

  constructor(deps: UsageMeterDeps) {
    this.#deps = {
      processes: readProcesses,
      residentBytes: readResidentBytes,
      cores: Math.max(1, cpus().length),
      ...deps,
    };
  }

  /** Usage by pid. A pid whose process is gone is left out. */
  async measure(
    pids: readonly number[],
    devices: readonly FoundDevice[],
    deviceMemory: readonly ProcessMemory[] | undefined,
  ): Promise<Map<number, Usage>> {
    const usage = new Map<number, Usage>();
    const looks = new Map<number, { readonly atMs: number; readonly tree: readonly ProcessStat[] }>();
    const processes = pids.length === 0 ? undefined : await this.#deps.processes();
    const atMs = this.#deps.clock.nowMs();
    for (const pid of pids) {
      const tree = processes === undefined ? [] : treeOf(pid, processes);
      if (tree.length === 0) continue;
      looks.set(pid, { atMs, tree });
      usage.set(pid, {
        ...this.#ram(tree),
        ...this.#cpu(pid, atMs, tree),
        ...onDevices(tree, devices, deviceMemory ?? []),
      });
    }
    this.#before = looks;
    return usage;
  }

  #ram(tree: readonly ProcessStat[]): Usage {
    const amounts = tree.map(({ pid }) => this.#deps.residentBytes(pid)).filter((bytes) => bytes !== undefined);
    return amounts.length === 0 ? {} : { ram_bytes: amounts.reduce((sum, bytes) => sum + bytes, 0) };
  }

  #cpu(pid: number, atMs: number, tree: readonly ProcessStat[]): Usage {
    const before = this.#before.get(pid);
    const sameProcess = before?.tree[0]?.start_time === tree[0]?.start_time;
    if (before === undefined || !sameProcess || atMs <= before.atMs) return {};
    const available_s = (this.#deps.cores * (atMs - before.atMs)) / 1_000;
    return { cpu_percent: Math.min(100, (100 * cpuSecondsBetween(before.tree, tree)) / available_s) };
  }
}

/** Device memory of a tree, and the use of the device where it holds most. */
function onDevices(
  tree: readonly ProcessStat[],
  devices: readonly FoundDevice[],
  deviceMemory: readonly ProcessMemory[],
): Usage {
  const pids = new Set(tree.map(({ pid }) => pid));
  const byDevice = new Map<string, number>();
  for (const { pid, device_uuid, vram_bytes } of deviceMemory) {
    if (pids.has(pid)) byDevice.set(device_uuid, (byDevice.get(device_uuid) ?? 0) + vram_bytes);
  }
  const [most] = [...byDevice].sort((a, b) => b[1] - a[1]);
  if (most === undefined) return {};
  const device = devices.find(({ info }) => info.uuid === most[0]);
  const vram_bytes = [...byDevice.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    vram_bytes,
    ...(device !== undefined && { device_id: device.index, backend: device.info.backend }),
    ...(device?.info.utilization_percent != null && { gpu_percent: device.info.utilization_percent }),
  };
}
