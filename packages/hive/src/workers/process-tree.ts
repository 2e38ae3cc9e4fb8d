/** The processes of this machine as /proc tells them (Linux), or `ps` on a Mac. Elsewhere all is unknown. */
import { readdirSync, readFileSync } from "node:fs";
import { processesByPs } from "./ps.ts";

/** /proc counts CPU time in these, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Files read between two looks at other work: about 1 ms. */
const READS_AT_ONCE = 64;

export interface ProcessStat {
  readonly pid: number;
  readonly parent_pid: number;
  /** Ended, but its parent has not asked for its exit code yet. */
  readonly zombie: boolean;
  /** CPU time used so far, seconds. */
  readonly cpu_s: number;
  /** Clock ticks after the machine's boot; by `ps`, ms since epoch. With the pid it names a process for good: pids are used again. */
  readonly start_time: number;
  /** Where it comes with the list. */
  readonly resident?: Resident;
}

/** Parses /proc/PID/stat. The name stands in parentheses and may itself hold spaces and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const afterName = text.lastIndexOf(")");
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(afterName + 2).split(" ");
  const [parent, utime, stime, start] = [fields[1], fields[11], fields[12], fields[19]].map(Number);
  if (afterName === -1 || !Number.isInteger(pid) || parent === undefined || start === undefined) return undefined;
  const cpu_s = ((utime ?? Number.NaN) + (stime ?? Number.NaN)) / TICKS_PER_SECOND;
  if (!Number.isFinite(cpu_s) || !Number.isFinite(start) || !Number.isFinite(parent)) return undefined;
  return { pid, parent_pid: parent, zombie: fields[0] === "Z", cpu_s, start_time: start };
}

/** One process now; undefined when there is none or it cannot be told. */
export function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** What a process has in memory, bytes. */
export interface Resident {
  /** What it made itself, and what it shares with others through memory: nothing else holds this. */
  readonly own_bytes: number;
  /** Pages of files that it reads through memory, such as a model's: the kernel may drop them and read them again. */
  readonly file_bytes: number;
}

/** Parses /proc/PID/status. Kernels before 4.5 do not tell the parts: then all counts as its own. */
export function parseResident(text: string): Resident | undefined {
  const bytes = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1_024;
  };
  const [all, anonymous, file] = [bytes("VmRSS"), bytes("RssAnon"), bytes("RssFile")];
  if (anonymous !== undefined && file !== undefined) {
    return { own_bytes: anonymous + (bytes("RssShmem") ?? 0), file_bytes: file };
  }
  return all === undefined ? undefined : { own_bytes: all, file_bytes: 0 };
}

/** One process now; undefined when there is none, when it is the kernel's, or where there is no /proc. */
export function readResident(pid: number): Resident | undefined {
  try {
    return parseResident(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return undefined;
  }
}

/** Names this boot of the machine: after a restart the same pid and start time can be another process. */
export function machineBootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}

/** Every process there is, or undefined where nobody tells. Lets other work run in between. */
export async function readProcesses(): Promise<Map<number, ProcessStat> | undefined> {
  if (process.platform === "darwin") return processesByPs();
  if (process.platform !== "linux") return undefined;
  const found = new Map<number, ProcessStat>();
  let reads = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat !== undefined) found.set(stat.pid, stat);
    if (++reads % READS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}

/** The processes by their parent. Made once for all trees that are asked for: a pass over everything. */
export type Children = ReadonlyMap<number, readonly ProcessStat[]>;

export function childrenIn(processes: ReadonlyMap<number, ProcessStat>): Children {
  const children = new Map<number, ProcessStat[]>();
  for (const stat of processes.values()) {
    const siblings = children.get(stat.parent_pid);
    if (siblings === undefined) children.set(stat.parent_pid, [stat]);
    else siblings.push(stat);
  }
  return children;
}

/** A process and all that descend from it: inference servers keep their memory in children. Empty when it is gone. */
export function treeOf(
  rootPid: number,
  processes: ReadonlyMap<number, ProcessStat>,
  children: Children = childrenIn(processes),
): ProcessStat[] {
  const root = processes.get(rootPid);
  if (root === undefined) return [];
  const tree = new Set([root]);
  // A set is walked with what is added on the way, and takes nobody twice: a ring of parents ends.
  for (const stat of tree) for (const child of children.get(stat.pid) ?? []) tree.add(child);
  return [...tree];
}

/**
 * CPU time that a tree used between two looks at it, seconds. What is new in it counts whole; what ended in between is lost.
 * The same pid with another start time is another process.
 */
export function cpuSecondsBetween(before: readonly ProcessStat[], after: readonly ProcessStat[]): number {
  const earlier = new Map(before.map((stat) => [stat.pid, stat]));
  let used = 0;
  for (const { pid, start_time, cpu_s } of after) {
    const then = earlier.get(pid);
    used += cpu_s - (then?.start_time === start_time ? then.cpu_s : 0);
  }
  return Math.max(0, used);
}
