import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { machineBootId, readStat } from "./workers/process-tree.ts";

/** What `hive-ID.pid` holds. */
export interface HivePid {
  readonly pid: number;
  /** As in /proc/PID/stat; null where there is none. With the pid it names a process for good. */
  readonly start_time: number | null;
  readonly machine_boot: string | null;
  readonly url: string;
  readonly hive_id: string;
}

/** The hive that this file names, if it runs. */
export function runningHive(path: string): HivePid | undefined {
  let found: Partial<HivePid>;
  try {
    found = (JSON.parse(readFileSync(path, "utf8")) ?? {}) as Partial<HivePid>;
  } catch {
    return undefined;
  }
  if (!Number.isInteger(found.pid) || found.pid === process.pid) return undefined;
  const hive = found as HivePid;
  return isAlive(hive) ? hive : undefined;
}

function isAlive({ pid, start_time, machine_boot }: HivePid): boolean {
  if (start_time != null) {
    const stat = readStat(pid);
    return machine_boot === machineBootId() && stat?.start_time === start_time && !stat.zombie;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Writes the file for this process, whole or not at all. Answers the hive that holds it instead, when one runs.
 * Of two that start at once one gets it.
 */
export function claimPidFile(path: string, hive: Pick<HivePid, "url" | "hive_id">): HivePid | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const own: HivePid = {
    pid: process.pid,
    start_time: readStat(process.pid)?.start_time ?? null,
    machine_boot: machineBootId(),
    ...hive,
  };
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(own)}\n`, { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, path);
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const other = runningHive(path);
        if (other !== undefined) return other;
        rmSync(path, { force: true });
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the file if it is still this process's. */
export function releasePidFile(path: string): void {
  try {
    if ((JSON.parse(readFileSync(path, "utf8")) as HivePid).pid === process.pid) rmSync(path, { force: true });
  } catch {
    // Gone already.
  }
}
