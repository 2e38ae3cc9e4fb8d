import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { cannot } from "./faults.ts";
import { isPid, machineBoot, startTimeOf } from "./processes/identity.ts";

/**
 * What a pid file holds, as JSON: `hive-ID.pid`, `queen.pid`, `up.pid`. Who started the process writes it, and the process itself
 * may write it again once it knows its address.
 */
export interface PidRecord {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`, so that another process with the same pid is never taken for this one. Null without `/proc`. */
  readonly start_time: number | null;
  /** Which start of the machine `start_time` counts from, so that a restart is noticed. Absent where that is not told. */
  readonly machine_boot?: string;
  readonly started_at_ms: number;
  readonly url?: string;
  readonly hive_id?: string;
}

/** A record of a live process. A process that is gone already gets `start_time` null and the time `nowMs`. */
export function recordOf(
  pid: number,
  nowMs: number,
  more: { readonly url?: string; readonly hive_id?: string } = {},
): PidRecord {
  const machine_boot = machineBoot();
  return {
    pid,
    start_time: startTimeOf(pid),
    ...(machine_boot === undefined ? {} : { machine_boot }),
    started_at_ms: Math.trunc(nowMs),
    ...more,
  };
}

/** Whole or not at all: a reader finds the old record or the new one. Its owner's alone. */
export function writePidFile(path: string, record: PidRecord): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.${randomUUID()}`;
  try {
    writeFileSync(aside, `${JSON.stringify(record)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

/**
 * Undefined when there is none, or none that makes sense: a file from elsewhere names no process of ours.
 *
 * @throws {HiveError} `INTERNAL` when it is there and cannot be read.
 */
export function readPidFile(path: string): PidRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR"))
      return undefined;
    throw cannot(`read ${path}`, "Give this user access to it, or use another --state-dir", cause);
  }
  return parsePidRecord(text);
}

/** Removes the file unless it names another process by now. */
export function removePidFile(path: string, pid: number): void {
  if (readPidFile(path)?.pid === pid) rmSync(path, { force: true });
}

export function parsePidRecord(text: string): PidRecord | undefined {
  const value = parse(text);
  if (value === undefined || !isPid(value.pid)) return undefined;
  const { pid, start_time, machine_boot, started_at_ms, url, hive_id } = value;
  return {
    pid,
    start_time: Number.isSafeInteger(start_time) ? (start_time as number) : null,
    ...(typeof machine_boot === "string" ? { machine_boot } : {}),
    // Without either time nothing tells the process from another: 0 is before every process.
    started_at_ms: typeof started_at_ms === "number" && Number.isFinite(started_at_ms) ? started_at_ms : 0,
    ...(typeof url === "string" ? { url } : {}),
    ...(typeof hive_id === "string" ? { hive_id } : {}),
  };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
