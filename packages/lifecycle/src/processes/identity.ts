import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** One process, told apart from an earlier one that had the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's start to the process's: field 22 of `/proc/PID/stat`. Null where there is no `/proc`. */
  readonly start_time: number | null;
  /** The same by the wall clock, to the second. It moves when the machine's clock is set. */
  readonly started_at_ms: number;
  readonly process_group: number;
  /** Null where there is no `/proc`. */
  readonly session: number | null;
}

/** USER_HZ: what the kernel counts `/proc` times in, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const PS_TIMEOUT_MS = 2_000;

/** The process that has this pid now. Undefined when there is none, or only what is left of one that nobody has waited for. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!isPid(pid)) return undefined;
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

/** As `identify(pid)?.start_time`, without the cost of a `ps` that could not tell it. */
export function startTimeOf(pid: number): number | null {
  return (process.platform === "linux" ? readStat(pid)?.start_time : undefined) ?? null;
}

let machineBootRead: string | undefined;

/** Names this start of the machine. Undefined where there is no `/proc`. */
export function machineBoot(): string | undefined {
  if (process.platform === "linux" && machineBootRead === undefined) {
    try {
      machineBootRead = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    } catch {
      return undefined;
    }
  }
  return machineBootRead;
}

/** 0 and 1 name ourselves and init where signals are sent: a damaged file must never lead there. */
export function isPid(pid: unknown): pid is number {
  return Number.isSafeInteger(pid) && (pid as number) > 1;
}

/** Whether it still is the process that it was, and alive. */
export function isAlive(
  known: Pick<ProcessIdentity, "pid" | "start_time" | "started_at_ms"> & { readonly machine_boot?: string },
): boolean {
  const found = identify(known.pid);
  if (found === undefined) return false;
  if (known.machine_boot !== undefined && known.machine_boot !== machineBoot()) return false;
  if (known.start_time !== null && found.start_time !== null) return known.start_time === found.start_time;
  // Who wrote down a pid did so while its process was alive. One that began later is another; `ps` tells whole seconds.
  return found.started_at_ms <= known.started_at_ms + 2_000;
}

function fromProc(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  if (stat === undefined || stat.ended) return undefined;
  const { start_time, process_group, session } = stat;
  const machineStartMs = Date.now() - uptime() * 1_000;
  const started_at_ms = Math.trunc(machineStartMs + (start_time / TICKS_PER_SECOND) * 1_000);
  return { pid, start_time, started_at_ms, process_group, session };
}

/** Where there is no `/proc`: a few milliseconds, since it asks another program. */
export function fromPs(pid: number): ProcessIdentity | undefined {
  const { stdout, status } = spawnSync("ps", ["-o", "stat=,pgid=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    timeout: PS_TIMEOUT_MS,
    env: { PATH: process.env.PATH ?? "/bin:/usr/bin", LC_ALL: "C", TZ: "UTC" },
  });
  const line = status === 0 ? parsePs(stdout) : undefined;
  if (line === undefined || line.ended) return undefined;
  const { started_at_ms, process_group } = line;
  return { pid, start_time: null, started_at_ms, process_group, session: null };
}

export interface Stat {
  /** A zombie: it holds its pid until its parent asks for its end. */
  readonly ended: boolean;
  readonly process_group: number;
  readonly session: number;
  readonly start_time: number;
}

export function readStat(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}

/** `/proc/PID/stat`: the name in parentheses may itself hold spaces and parentheses. See proc_pid_stat(5). */
export function parseStat(text: string): Stat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const [process_group, session, start_time] = [2, 3, 19].map((index) => Number(fields[index] ?? Number.NaN));
  if (state === undefined || process_group === undefined || session === undefined || start_time === undefined) return;
  if (![process_group, session, start_time].every(Number.isSafeInteger)) return undefined;
  return { ended: state === "Z" || state === "X", process_group, session, start_time };
}

/** `ps -o stat=,pgid=,lstart=` with `LC_ALL=C TZ=UTC`: `Ss  812 Mon Nov 23 11:10:05 2026`. */
export function parsePs(
  text: string,
): { readonly ended: boolean; readonly process_group: number; readonly started_at_ms: number } | undefined {
  const [, state, group, lstart] = /^\s*(\S+)\s+(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s*$/.exec(text) ?? [];
  const started_at_ms = Date.parse(`${lstart} UTC`);
  if (state === undefined || Number.isNaN(started_at_ms)) return undefined;
  return { ended: state.startsWith("Z"), process_group: Number(group), started_at_ms };
}
