import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DAEMON_MARK,
  isAlive,
  makeStateDir,
  type PidRecord,
  recordOf,
  removePidFile,
  writePidFile,
} from "@hive-registry/lifecycle";

/** What lifecycle calls an `up`, in the background or not: `hive down` ends either. */
export const DAEMON_NAME = "up";

/** What `hive up` is doing, for other commands on this machine. In `up.json` of the state folder as long as it runs. */
export interface UpState {
  readonly up: PidRecord;
  readonly phase: "starting" | "ready" | "stopping";
  readonly queen?: ServerMark;
  readonly hive?: ServerMark & { readonly hive_id?: string };
  readonly worker?: { readonly worker_id: string; readonly model: string; readonly url: string };
  /** Why there is no worker although one was expected. */
  readonly problem?: string;
  /** The lines that a person in front of it has seen. */
  readonly lines: readonly string[];
}

export interface ServerMark {
  readonly process: PidRecord;
  readonly url?: string;
}

export const stateFile = (stateDir: string): string => join(stateDir, "up.json");

/** undefined when there is none, or none that can be read. */
export function readUpState(stateDir: string): UpState | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile(stateDir), "utf8")) as UpState;
    return typeof state.up?.pid === "number" && Array.isArray(state.lines) ? state : undefined;
  } catch {
    return undefined;
  }
}

/** The state of an `up` that runs; undefined for one that is gone, whatever it left. */
export function runningUp(stateDir: string): UpState | undefined {
  const state = readUpState(stateDir);
  return state !== undefined && isAlive(state.up) ? state : undefined;
}

/** Servers that an `up` left behind when it was killed. */
export function leftBehind(stateDir: string): ServerMark[] {
  const state = readUpState(stateDir);
  if (state === undefined || isAlive(state.up)) return [];
  return [state.queen, state.hive].filter((server) => server !== undefined).filter((server) => isAlive(server.process));
}

export interface UpStateFile {
  readonly state: UpState;
  /** Changes it, for readers in one step. A full disk ends no server: it is left as it was then. */
  update(changes: Partial<UpState>): void;
  remove(): void;
}

/**
 * Takes the state folder for this process: of two that try at once, one gets it.
 *
 * @returns undefined when another `up` that runs has it.
 * @throws {HiveError} `INTERNAL` when the folder cannot be used.
 */
export function claimUpState(stateDir: string, nowMs: number): UpStateFile | undefined {
  makeStateDir(stateDir);
  const path = stateFile(stateDir);
  const own = `${path}.${process.pid}`;
  const up = recordOf(process.pid, nowMs);
  let state: UpState = { up, phase: "starting", lines: [] };
  const write = () => writeFileSync(own, JSON.stringify(state), { mode: 0o600 });

  write();
  try {
    // A link is made whole or not at all, and never over another one.
    linkSync(own, path);
    rmSync(own, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || runningUp(stateDir) !== undefined) {
      rmSync(own, { force: true });
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
      throw error;
    }
    // Left by one that was killed.
    renameSync(own, path);
  }
  // In the background its starter wrote the same: so it is found by `hive down` in either case.
  const pidFile = join(stateDir, `${DAEMON_NAME}.pid`);
  writePidFile(pidFile, up);
  return {
    get state() {
      return state;
    },
    update(changes) {
      state = { ...state, ...changes };
      try {
        write();
        renameSync(own, path);
      } catch {
        rmSync(own, { force: true });
      }
    },
    remove() {
      if (readUpState(stateDir)?.up.pid === process.pid) rmSync(path, { force: true });
      removePidFile(pidFile, process.pid);
    },
  };
}

/** For the environment of what an `up` starts: by it lifecycle finds what outlived one that was killed. */
export function markOfUp(stateDir: string): Readonly<Record<string, string>> {
  return { [DAEMON_MARK]: join(realpathSync(stateDir), DAEMON_NAME) };
}
