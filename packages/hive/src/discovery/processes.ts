/** What discovery asks about processes. */
import { execFile } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { readStat } from "../workers/process-tree.ts";

/** One process, never a later one with its pid. */
export interface Life {
  /** One that ended counts as ended before its parent asked for its exit code. */
  lives(): boolean;
  release(): void;
}

export interface Processes {
  /** `undefined` when it has ended. */
  lifeOf(pid: number): Life | undefined;
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
  lifeOf(pid) {
    try {
      const file = openSync(`/proc/${pid}/statm`, "r");
      return { lives: () => livesIn(file), release: () => closeSync(file) };
    } catch {
      return undefined;
    }
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
  lifeOf(pid) {
    const lives = (): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
      }
    };
    return lives() ? { lives, release: () => {} } : undefined;
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

const sizes = Buffer.alloc(128);
const ZERO = "0".charCodeAt(0);

/**
 * Reads an open /proc/PID/statm anew. It stays the file of its process, so nothing is read of a later one with the pid. Whoever
 * ends gives its memory back first, and its size is 0 from then on: before its exit code is asked for, and before a large one has
 * let go of all. It costs less than half of what /proc/PID/stat does, which counts up the times of all threads.
 */
function livesIn(file: number): boolean {
  try {
    return readSync(file, sizes, 0, sizes.length, 0) > 0 && sizes[0] !== ZERO;
  } catch {
    return false;
  }
}

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
