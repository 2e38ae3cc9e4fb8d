import { availableParallelism, type CpuInfo, cpus } from "node:os";
import { cpuLimit, groupCpuSeconds } from "./cgroup.ts";
import { type ReadText, systemFiles } from "./files.ts";

/** What programs started here can use of the machine's cores: fewer than there are in a container or under an affinity. */
export const coreRoom = (read: ReadText = systemFiles.text, cores: number = availableParallelism()): number =>
  Math.max(0.01, Math.min(cores, cpuLimit(read)));

/** Cores that this process may use, as engines count them: a part of one counts as one. */
export const coreCount = (read?: ReadText, cores?: number): number => Math.ceil(coreRoom(read, cores));

export const cpuModel = (): string => cpus()[0]?.model.trim() || "unknown";

export type CpuTimes = Pick<CpuInfo, "times">;

/** Share of all cores that was busy between two readings, 0–100; null when no time passed. */
export function busyPercent(before: readonly CpuTimes[], after: readonly CpuTimes[]): number | null {
  let busy = 0;
  let whole = 0;
  for (const [at, { times }] of after.entries()) {
    const earlier = before[at]?.times;
    if (earlier === undefined) continue;
    const idle = times.idle - earlier.idle;
    const used =
      times.user - earlier.user + times.nice - earlier.nice + times.sys - earlier.sys + times.irq - earlier.irq;
    busy += used;
    whole += used + idle;
  }
  if (whole <= 0) return null;
  return Math.min(100, Math.max(0, (100 * busy) / whole));
}

/** Gives the machine's CPU use since it was last asked; null the first time. */
export function cpuMeter(read: () => readonly CpuTimes[] = cpus): () => number | null {
  let before = read();
  return () => {
    const after = read();
    const percent = busyPercent(before, after);
    before = after;
    return percent;
  };
}

export interface GroupMeterDeps {
  readonly read: ReadText;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  /** The cores of the machine. */
  readonly cores: number;
}

/**
 * The same where this process may use only a part of the machine: the use of that part by its own group. `undefined`
 * where it may use all, or the group's use is not told.
 */
export function groupCpuMeter({ read, nowMs, cores }: GroupMeterDeps): (() => number | null) | undefined {
  const look = () => ({ used_s: groupCpuSeconds(read), atMs: nowMs(), room: coreRoom(read, cores) });
  let before = look();
  if (before.room >= cores || before.used_s === undefined) return undefined;
  return () => {
    const after = look();
    const allowed_s = ((after.atMs - before.atMs) / 1_000) * after.room;
    const used_s = (after.used_s ?? Number.NaN) - (before.used_s ?? Number.NaN);
    before = after;
    return allowed_s > 0 && used_s >= 0 ? Math.min(100, (100 * used_s) / allowed_s) : null;
  };
}

/** Measures what this process may use: its group's part, or the whole machine. */
export const measureCpu = (): (() => number | null) =>
  groupCpuMeter({ read: systemFiles.text, nowMs: () => performance.now(), cores: cpus().length }) ?? cpuMeter();
