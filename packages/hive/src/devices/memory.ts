import { freemem, totalmem } from "node:os";
import { groupsOf } from "./cgroup.ts";
import { type ReadText, systemFiles } from "./files.ts";

export interface Memory {
  readonly total_bytes: number;
  /** What new programs can have without anything being swapped out. */
  readonly available_bytes: number;
}

/** The machine's memory as far as this process may use it: what the kernel tells, or its cgroup's limit where that is less. */
export function readMemory(
  read: ReadText = systemFiles.text,
  machine: () => Memory = () => ({ total_bytes: totalmem(), available_bytes: freemem() }),
): Memory {
  const whole = parseMeminfo(read("/proc/meminfo") ?? "") ?? machine();
  let { total_bytes, available_bytes } = whole;
  for (const { limit_bytes, room_bytes } of cgroupLimits(read)) {
    total_bytes = Math.min(total_bytes, limit_bytes);
    available_bytes = Math.min(available_bytes, room_bytes);
  }
  return { total_bytes, available_bytes: Math.max(0, Math.min(available_bytes, total_bytes)) };
}

/** `MemTotal` and `MemAvailable` of /proc/meminfo, whose "kB" are KiB. */
export function parseMeminfo(text: string): Memory | undefined {
  const field = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1_024;
  };
  const total_bytes = field("MemTotal");
  const available_bytes = field("MemAvailable");
  return total_bytes === undefined || available_bytes === undefined ? undefined : { total_bytes, available_bytes };
}

interface CgroupLimit {
  readonly limit_bytes: number;
  readonly room_bytes: number;
}

/** cgroup v1 writes "no limit" as a number near 2⁶³. */
const NO_LIMIT_BYTES = 2 ** 60;

/** Every memory limit this process stands under: its own group's and those of all groups around it. */
export function cgroupLimits(read: ReadText): CgroupLimit[] {
  const limits: CgroupLimit[] = [];
  for (const { folder, v2 } of groupsOf("memory", read)) {
    const limit = v2
      ? limitOf(read, folder, "memory.max", "memory.current", "inactive_file")
      : limitOf(read, folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
    if (limit !== undefined) limits.push(limit);
  }
  return limits;
}

function limitOf(
  read: ReadText,
  folder: string,
  limitFile: string,
  usageFile: string,
  cacheField: string,
): CgroupLimit | undefined {
  const limit_bytes = bytesIn(read(`${folder}/${limitFile}`));
  if (limit_bytes === undefined || limit_bytes >= NO_LIMIT_BYTES) return undefined;
  const used = bytesIn(read(`${folder}/${usageFile}`)) ?? 0;
  // File pages nobody uses now count as used but are given back on demand.
  const cached = bytesIn(new RegExp(`^${cacheField} (\\d+)$`, "m").exec(read(`${folder}/memory.stat`) ?? "")?.[1]) ?? 0;
  return { limit_bytes, room_bytes: Math.max(0, limit_bytes - used + Math.min(cached, used)) };
}

function bytesIn(text: string | undefined): number | undefined {
  const digits = text?.trim();
  return digits !== undefined && /^\d+$/.test(digits) ? Number(digits) : undefined;
}
