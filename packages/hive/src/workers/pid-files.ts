import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, pause } from "../clock.ts";
import { fileNameOf } from "../config/state-dir.ts";
import { machineBootId, readStat } from "./process-tree.ts";

/** Names one process for good: a pid alone may be another's by now. */
interface PidRecord {
  readonly pid: number;
  readonly worker_id: string;
  readonly start_time: number | null;
  readonly machine_boot: string | null;
}

/** Orphans get this long to end by themselves before they are killed. */
const ORPHAN_GRACE_MS = 3_000;
const LOOK_EVERY_MS = 50;

/** Remembers on disk which processes are this hive's workers, so that the next start can end those a crash left behind. */
export class PidFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  remember(worker_id: string, pid: number): void {
    const start_time = readStat(pid)?.start_time ?? null;
    const record: PidRecord = { pid, worker_id, start_time, machine_boot: machineBootId() };
    writeFileSync(this.#pathOf(worker_id), JSON.stringify(record), { mode: 0o600 });
  }

  forget(worker_id: string): void {
    rmSync(this.#pathOf(worker_id), { force: true });
  }

  /** Ends what a hive that died left running; answers the ids of the workers it ended. */
  async endOrphans(clock: Clock): Promise<string[]> {
    const ended: string[] = [];
    for (const name of readdirSync(this.#dir)) {
      if (!name.endsWith(".json")) continue;
      const path = join(this.#dir, name);
      const record = readRecord(path);
      if (record !== undefined && isStillThere(record)) {
        signalGroup(record.pid, "SIGTERM");
        const killAtMs = clock.nowMs() + ORPHAN_GRACE_MS;
        while (isStillThere(record) && clock.nowMs() < killAtMs) await pause(clock, LOOK_EVERY_MS);
        signalGroup(record.pid, "SIGKILL");
        ended.push(record.worker_id);
      }
      rmSync(path, { force: true });
    }
    return ended;
  }

  #pathOf(worker_id: string): string {
    return join(this.#dir, `${fileNameOf(worker_id)}.json`);
  }
}

function readRecord(path: string): PidRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as Partial<PidRecord> | null;
    const { pid, worker_id, start_time = null, machine_boot = null } = value ?? {};
    // 1 is init and 0 is ourselves: a damaged file must not end those.
    if (!Number.isInteger(pid) || (pid as number) < 2 || typeof worker_id !== "string") return undefined;
    return { pid: pid as number, worker_id, start_time, machine_boot };
  } catch {
    return undefined;
  }
}

/** Without a start time (no /proc) it cannot be told, so nothing is ended. */
function isStillThere(record: PidRecord): boolean {
  if (record.start_time === null || record.machine_boot !== machineBootId()) return false;
  const stat = readStat(record.pid);
  return stat !== undefined && !stat.zombie && stat.start_time === record.start_time;
}

/** Signals a process and all of its group (Windows has no groups). That it is gone already is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // No such group any more.
  }
}
