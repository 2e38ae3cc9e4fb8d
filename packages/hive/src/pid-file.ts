import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { machineBootId, readStat } from "./workers/process-tree.ts";

/** What `hive-ID.pid` holds. */
export interface HivePid {
  readonly pid: number;
  /** As in /proc/PID/stat; null where there is none. With the pid it names a process for good. */
  readonly start_time: number | null;
  readonly machine_boot?: string | null;
  readonly started_at_ms: number;
  readonly url: string;
  readonly hive_id: string;
}

/** The hive that this file names, if it runs. */
export function runningHive(path: string): HivePid | undefined {
  const found = readRecord(path);
  return found !== undefined && found.pid !== process.pid && isAlive(found) ? found : undefined;
}

function readRecord(path: string): HivePid | undefined {
  try {
    const found = JSON.parse(readFileSync(path, "utf8")) as HivePid | null;
    return Number.isInteger(found?.pid) && (found as HivePid).pid > 1 ? (found as HivePid) : undefined;
  } catch {
    return undefined;
  }
}

const readPid = (path: string): number | undefined => readRecord(path)?.pid;

function isAlive({ pid, start_time, machine_boot }: HivePid): boolean {
  if (start_time != null) {
    const stat = readStat(pid);
    return (
      (machine_boot == null || machine_boot === machineBootId()) && stat?.start_time === start_time && !stat.zombie
    );
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
export function claimPidFile(
  path: string,
  hive: Pick<HivePid, "url" | "hive_id" | "started_at_ms">,
): HivePid | undefined {
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
        // Whoever started this process may have written its pid already: then the file is ours to replace.
        if (readPid(path) === process.pid) {
          renameSync(draft, path);
          return undefined;
        }
        rmSync(path, { force: true });
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the file if it is still this process's. */
export function releasePidFile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true });
}
