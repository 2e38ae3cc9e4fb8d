/** The processes of this machine as /proc tells them (Linux). Elsewhere there is nothing to read and all is unknown. */
import { readdirSync, readFileSync } from "node:fs";

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
  /** Clock ticks after the machine's boot. With the pid it names a process for good: pids are used again. */
  readonly start_time: number;
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

/** Resident memory of one process, bytes. */
export function readResidentBytes(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1_024;
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

/** Every process there is, or undefined where there is no /proc. Lets other work run in between. */
export async function readProcesses(): Promise<Map<number, ProcessStat> | undefined> {
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

/** A process and all that descend from it: inference servers keep their memory in children. Empty when it is gone. */
export function treeOf(rootPid: number, processes: ReadonlyMap<number, ProcessStat>): ProcessStat[] {
  const root = processes.get(rootPid);
  if (root === undefined) return [];
  const tree = new Set([root]);
  // A child can stand before its parent in the listing, so look until nothing is added.
  for (let before = 0; before < tree.size; ) {
    before = tree.size;
    for (const stat of processes.values()) {
      const parent = processes.get(stat.parent_pid);
      if (parent !== undefined && tree.has(parent)) tree.add(stat);
    }
  }
  return [...tree];
}

/**
 * CPU time that a tree used between two looks at it, seconds. What is new in it counts whole; what ended in between is lost.
 * The same pid with another start time is another process.
 */
export function cpuSecondsBetween(before: readonly ProcessStat[], after: readonly ProcessStat[]): number {
  let used = 0;
  for (const stat of after) {
    const earlier = before.find(({ pid, start_time }) => pid === stat.pid && start_time === stat.start_time);
    used += stat.cpu_s - (earlier?.cpu_s ?? 0);
  }
  return Math.max(0, used);
}
