import type { MachineInfo } from "@hive-registry/contract";
import { coreCount, cpuModel, measureCpu } from "./cpu.ts";
import { type Memory, readMemory } from "./memory.ts";
import type { DeviceSource, FoundDevice, ProcessMemory } from "./source.ts";

const UNIFIED = { memory: "unified" } as const;

/** This machine as one thing: its processor, its memory and what all device sources found. */
export class Machine {
  readonly cores: number = coreCount();
  readonly #sources: readonly DeviceSource[];
  readonly #readMemory: () => Memory;
  #memory: Memory;
  readonly #cpuModel: string = cpuModel();
  readonly #measureCpu: () => number | null = measureCpu();
  #cpuPercent: number | null = null;

  constructor(sources: readonly DeviceSource[], memory: () => Memory = readMemory) {
    this.#sources = sources;
    this.#readMemory = memory;
    this.#memory = memory();
  }

  /** Measures the CPU's use since the last call, and the memory. */
  sample(): void {
    this.#memory = this.#readMemory();
    this.#cpuPercent = this.#measureCpu() ?? this.#cpuPercent;
  }

  devices(): FoundDevice[] {
    return this.#sources.flatMap((source) => source.devices());
  }

  info(): MachineInfo {
    const { total_bytes, available_bytes } = this.#memory;
    const notes = this.#sources.flatMap((source) => source.notes());
    return {
      devices: this.devices().map(({ index, unified, info }) => ({ ...info, index, ...(unified && UNIFIED) })),
      cpu: { model: this.#cpuModel, cores: this.cores, percent: this.#cpuPercent },
      ram_total_bytes: total_bytes,
      ram_available_bytes: available_bytes,
      os: process.platform,
      arch: process.arch,
      ...(notes.length > 0 && { notes }),
    };
  }

  /** Device memory by process, of all sources that can tell; undefined when none can. */
  async processes(): Promise<readonly ProcessMemory[] | undefined> {
    const answers = await Promise.all(this.#sources.map((source) => source.processes()));
    const known = answers.filter((answer) => answer !== undefined);
    return known.length === 0 ? undefined : known.flat();
  }

  async settled(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.settled()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.stop()));
  }
}
