/** What the NVIDIA kernel driver itself tells in /proc: enough to name the GPUs while nvidia-smi does not work. */
import type { Files } from "./files.ts";
import type { GpuSample } from "./nvidia-smi.ts";

const FOLDER = "/proc/driver/nvidia/gpus";
const GPUS_MAX = 256;

/** In the order of their addresses, which is nvidia-smi's. Every number is unknown. */
export function gpusInProc(files: Files): GpuSample[] {
  return (
    files
      .names(FOLDER)
      // By address, and those are written in hexadecimal.
      .toSorted()
      .slice(0, GPUS_MAX)
      .flatMap((address, index) => {
        const text = files.text(`${FOLDER}/${address}/information`) ?? "";
        const name = /^Model:\s+(\S.*)$/m.exec(text)?.[1]?.trim();
        const uuid = /^GPU UUID:\s+(GPU-[0-9a-f-]{36})\s*$/m.exec(text)?.[1] ?? null;
        return name === undefined ? [] : [{ ...UNKNOWN, index, uuid, name: name.slice(0, 256) }];
      })
  );
}

const UNKNOWN = {
  memory_total_bytes: null,
  memory_free_bytes: null,
  utilization_percent: null,
  temperature_c: null,
  power_w: null,
  driver: null,
  unified: false,
  mig: false,
} as const;

/** The number of the first process namespace of a kernel, the same on every Linux (PROC_PID_INIT_INO). */
const FIRST_NAMESPACE = "pid:[4026531836]";

/**
 * Whether the driver and this program mean the same processes by the same numbers. In a container with process numbers of
 * its own they do not: NVIDIA's driver tells those of the machine.
 */
export function sharesProcessNumbers(files: Files): boolean {
  const namespace = files.link("/proc/self/ns/pid");
  return namespace === undefined || namespace === FIRST_NAMESPACE;
}
