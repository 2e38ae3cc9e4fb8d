import { availableParallelism, type CpuInfo, cpus } from "node:os";

/** Cores that this process may use, as engines count them. */
export const coreCount = (): number => Math.max(1, availableParallelism());

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
