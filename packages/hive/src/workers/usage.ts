/** What each worker uses, measured over its whole process tree. Unknown is absent. */
import type { Clock } from "../clock.ts";
import { coreRoom } from "../devices/cpu.ts";
import { deviceMemoryOf } from "../devices/fdinfo.ts";
import { systemFiles } from "../devices/files.ts";
import type { FoundDevice, ProcessMemory } from "../devices/source.ts";
import {
  childrenIn,
  cpuSecondsBetween,
  type ProcessStat,
  readProcesses,
  readResident,
  treeOf,
} from "./process-tree.ts";

export interface Usage {
  /**
   * Memory of the machine. Pages of files that are mapped, as a model's are, count only as far as they are more than the
   * device memory held: a model that is wholly on a GPU would else count twice, for the pages it was copied from stay mapped.
   */
  readonly ram_bytes?: number;
  /** Share of the cores that programs here may use, 0–100. */
  readonly cpu_percent?: number;
  /** On all devices together. */
  readonly vram_bytes?: number;
  /** Use of the device it holds most memory on, by whatever runs there: drivers tell it of devices, not of processes. */
  readonly gpu_percent?: number;
  /** The device it holds most memory on. */
  readonly device_id?: number;
  readonly backend?: string;
}

export interface UsageMeterDeps {
  readonly clock: Clock;
  readonly processes?: typeof readProcesses;
  readonly resident?: typeof readResident;
  /** What one process holds on devices whose drivers tell it in /proc. */
  readonly deviceMemory?: (pid: number, devices: readonly FoundDevice[]) => readonly ProcessMemory[];
  readonly cores?: number;
}

interface Look {
  readonly atMs: number;
  readonly tree: readonly ProcessStat[];
}

/** Measures workers by the pid of their first process; keeps the last look for what is a difference. */
export class UsageMeter {
  readonly #deps: Required<UsageMeterDeps>;
  #before: ReadonlyMap<number, Look> = new Map();

  constructor(deps: UsageMeterDeps) {
    this.#deps = {
      processes: readProcesses,
      resident: readResident,
      deviceMemory: (pid, devices) => deviceMemoryOf(pid, devices, systemFiles),
      cores: coreRoom(),
      ...deps,
    };
  }

  /**
   * Usage by pid, from one look at all processes. A pid whose process is gone is left out. `deviceMemory` is what drivers
   * tell of all processes at once; what others than the workers hold counts against nobody, it is just not free.
   */
  async measure(
    pids: readonly number[],
    devices: readonly FoundDevice[],
    deviceMemory: readonly ProcessMemory[] | undefined,
  ): Promise<Map<number, Usage>> {
    const usage = new Map<number, Usage>();
    const looks = new Map<number, Look>();
    const processes = (pids.length === 0 ? undefined : await this.#deps.processes()) ?? new Map<number, ProcessStat>();
    const atMs = this.#deps.clock.nowMs();
    const children = childrenIn(processes);
    const told = byPid(deviceMemory ?? []);
    // Only these are asked for, so that a machine without them does not look through anybody's open files.
    const telling = devices.filter(({ pci_address }) => pci_address !== undefined);
    for (const pid of pids) {
      const tree = treeOf(pid, processes, children);
      if (tree.length === 0) continue;
      looks.set(pid, { atMs, tree });
      const held = tree.flatMap((one) => told.get(one.pid) ?? []);
      if (telling.length > 0) held.push(...tree.flatMap((one) => this.#deps.deviceMemory(one.pid, telling)));
      const onDevice = onDevices(held, devices);
      usage.set(pid, { ...this.#ram(tree, onDevice.vram_bytes ?? 0), ...this.#cpu(pid, atMs, tree), ...onDevice });
    }
    this.#before = looks;
    return usage;
  }

  #ram(tree: readonly ProcessStat[], vramBytes: number): Usage {
    const amounts = tree.map((one) => one.resident ?? this.#deps.resident(one.pid)).filter((one) => one !== undefined);
    if (amounts.length === 0) return {};
    const own = amounts.reduce((sum, { own_bytes }) => sum + own_bytes, 0);
    const files = amounts.reduce((sum, { file_bytes }) => sum + file_bytes, 0);
    return { ram_bytes: own + Math.max(0, files - vramBytes) };
  }

  #cpu(pid: number, atMs: number, tree: readonly ProcessStat[]): Usage {
    const before = this.#before.get(pid);
    const sameProcess = before?.tree[0]?.start_time === tree[0]?.start_time;
    if (before === undefined || !sameProcess || atMs <= before.atMs) return {};
    const available_s = (this.#deps.cores * (atMs - before.atMs)) / 1_000;
    return { cpu_percent: Math.min(100, (100 * cpuSecondsBetween(before.tree, tree)) / available_s) };
  }
}

function byPid(deviceMemory: readonly ProcessMemory[]): ReadonlyMap<number, readonly ProcessMemory[]> {
  const found = new Map<number, ProcessMemory[]>();
  for (const one of deviceMemory) {
    const others = found.get(one.pid);
    if (others === undefined) found.set(one.pid, [one]);
    else others.push(one);
  }
  return found;
}

/** Device memory of a tree, and the use of the device where it holds most. */
function onDevices(held: readonly ProcessMemory[], devices: readonly FoundDevice[]): Usage {
  const byDevice = new Map<string, number>();
  for (const { device, vram_bytes } of held) byDevice.set(device, (byDevice.get(device) ?? 0) + vram_bytes);
  const [most] = [...byDevice].sort((a, b) => b[1] - a[1]);
  if (most === undefined) return {};
  const device = devices.find(({ info }) => info.id === most[0]);
  const vram_bytes = [...byDevice.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    vram_bytes,
    ...(device !== undefined && { device_id: device.index, backend: device.info.backend }),
    ...(device?.info.utilization_percent != null && { gpu_percent: device.info.utilization_percent }),
  };
}
