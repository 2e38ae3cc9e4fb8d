/** What discovery asks about processes. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readStat } from "../workers/process-tree.ts";

export interface Processes {
  /** Tells a process from a later one with its pid; `undefined` when it has ended. */
  startOf(pid: number): number | undefined;
  /** Its parent, the parent's parent and so on, nearest first. */
  ancestorsOf(pid: number): Promise<readonly number[]>;
  /** The words it was started with; empty when they cannot be read. */
  wordsOf(pid: number): Promise<readonly string[]>;
}

/** Deeper than any tree of processes that people start. */
const DEPTH_MAX = 64;
const PS_LIMIT_MS = 5_000;
const PS_BYTES_MAX = 16 * 1_048_576;

const onLinux: Processes = {
  startOf(pid) {
    const stat = readStat(pid);
    return stat === undefined || stat.zombie ? undefined : stat.start_time;
  },
  async ancestorsOf(pid) {
    return chain(pid, (one) => readStat(one)?.parent_pid);
  },
  async wordsOf(pid) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
    } catch {
      return [];
    }
  },
};

const elsewhere: Processes = {
  startOf(pid) {
    try {
      process.kill(pid, 0);
      return 0;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM" ? 0 : undefined;
    }
  },
  async ancestorsOf(pid) {
    const parents = parseParents(await ps(["-axo", "pid=,ppid="]));
    return chain(pid, (one) => parents.get(one));
  },
  async wordsOf(pid) {
    return (await ps(["-ww", "-o", "command=", "-p", String(pid)])).trim().split(/\s+/).filter(Boolean);
  },
};

export const systemProcesses: Processes = process.platform === "linux" ? onLinux : elsewhere;

/** Parses `ps -axo pid=,ppid=`. */
export function parseParents(text: string): Map<number, number> {
  return new Map([...text.matchAll(/^\s*(\d+)\s+(\d+)\s*$/gm)].map(([, pid, parent]) => [Number(pid), Number(parent)]));
}

function chain(pid: number, parentOf: (pid: number) => number | undefined): number[] {
  const found: number[] = [];
  for (let parent = parentOf(pid); parent !== undefined && parent > 1; parent = parentOf(parent)) {
    if (found.length >= DEPTH_MAX || found.includes(parent)) break;
    found.push(parent);
  }
  return found;
}

const ps = (words: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile("ps", words, { timeout: PS_LIMIT_MS, maxBuffer: PS_BYTES_MAX }, (_error, stdout) => resolve(stdout));
  });
