import type { DeviceInfo } from "@hive-registry/contract";

/** A device and the number by which it is chosen on this machine (`device_id` of a worker). */
export interface FoundDevice {
  readonly index: number;
  readonly info: DeviceInfo;
  /** Its number among the devices that its backend's runtime counts, where that may be another than `index`. */
  readonly runtime_index?: number;
  /** Its memory is the machine's: what it uses is missing there too. */
  readonly unified?: true;
  /** Where its driver tells in /proc/PID/fdinfo what a process holds: its address there, such as `0000:03:00.0`. */
  readonly pci_address?: string;
}

/** Memory that one process holds on one device. */
export interface ProcessMemory {
  readonly pid: number;
  /** The device's `id`. */
  readonly device: string;
  readonly vram_bytes: number;
}

/** One kind of accelerator on this machine. None found is an empty list; trouble is a note, never an exception. */
export interface DeviceSource {
  /** What was last seen, in the order of `index`. */
  devices(): readonly FoundDevice[];
  /** Why devices may be missing or numbers unknown, in words for the operator. */
  notes(): readonly string[];
  /** Asks which processes hold device memory. `undefined`: cannot be told now. */
  processes(): Promise<readonly ProcessMemory[] | undefined>;
  /** Resolves once it is known whether there are devices, or after this source's own time limit. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}
