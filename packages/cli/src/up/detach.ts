import { statSync } from "node:fs";
import { join } from "node:path";
import { type DaemonStatus, daemonStatus, startDaemon, stopDaemon } from "@hive-registry/lifecycle";
import { CommandError, EXIT } from "../failure.ts";
import type { Progress } from "../output/progress.ts";
import { harmless } from "../output/text.ts";
import { readableTail } from "../servers/server-process.ts";
import { DAEMON_NAME, readUpState, stateFile, type UpState } from "./state.ts";
import { type Names, whatToTry } from "./text.ts";
import { HIVE_GRACE_MS, QUEEN_GRACE_MS } from "./up.ts";
import { POLL_MS, SERVER_WAIT_MS, type WaitDeps } from "./wait.ts";

export interface DetachDeps extends WaitDeps {
  readonly names: Names;
  print(line: string): void;
  note(line: string): void;
  progress(): Progress;
}

export interface Detached {
  readonly stateDir: string;
  /** The same `hive up`, without `--detach`. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly workerWaitMs: number;
}

/**
 * `hive up --detach`: the same in the background. Shows what a person in front of it would see and returns when it is ready: 0; or
 * 1 when it ended, or runs without the worker that was asked for.
 */
export async function detach(deps: DetachDeps, { stateDir, command, env, workerWaitMs }: Detached): Promise<number> {
  const [program = "", ...args] = command;
  const progress = deps.progress();
  progress.waiting("starting in the background");
  const logBegin = sizeOf(join(stateDir, "logs", `${DAEMON_NAME}.log`));
  const { pid, log_file } = await startDaemon(deps, {
    name: DAEMON_NAME,
    state_dir: stateDir,
    command: program,
    args,
    env,
  });
  // It gives up on each step by itself: this is only for one that hangs.
  const deadlineMs = deps.nowMs() + 3 * SERVER_WAIT_MS + workerWaitMs;
  const never = new AbortController().signal;
  let shown = 0;
  try {
    for (;;) {
      // Asked in this order: what it wrote before its end is not missed.
      const status = daemonStatus({ name: DAEMON_NAME, state_dir: stateDir });
      const state = ownState(stateDir, pid);
      for (const line of state?.lines.slice(shown) ?? []) {
        progress.end();
        deps.print(line);
        shown += 1;
      }
      if (state?.phase === "ready") return tellReady(deps, progress, state);
      if (status.state !== "running" || status.pid !== pid) return tellEnd(deps, progress, log_file, logBegin);
      if (deps.nowMs() > deadlineMs)
        throw new CommandError(`It is not ready yet, and goes on in the background. Its log: ${log_file}`);
      progress.waiting("waiting for it to be ready");
      await deps.pause(POLL_MS, never);
    }
  } finally {
    progress.end();
  }
}

function ownState(stateDir: string, pid: number): UpState | undefined {
  const state = readUpState(stateDir);
  return state?.up.pid === pid ? state : undefined;
}

function tellReady(deps: DetachDeps, progress: Progress, state: UpState): number {
  progress.end();
  deps.print(whatToTry(state, deps.names));
  deps.print(`\n${deps.names.command} down  stops it.`);
  return state.problem === undefined ? EXIT.done : EXIT.failed;
}

function tellEnd(deps: DetachDeps, progress: Progress, logFile: string, begin: number): number {
  progress.end();
  deps.note(`It ended before it was ready. The last lines of ${logFile}:`);
  deps.note(harmless(readableTail(logFile, begin)).replaceAll(/^/gm, "  "));
  return EXIT.failed;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    // There is none yet. A folder that cannot be used is the daemon's to tell.
    return 0;
  }
}

export interface DownDeps {
  readonly names: Names;
  print(line: string): void;
  progress(): Progress;
  removeFile(path: string): void;
}

/** `hive down`: ends the `up` of this state folder, wherever it runs, and what one that was killed left. Exits 0 also when there was nothing. */
export async function down(deps: DownDeps, { stateDir }: { readonly stateDir: string }): Promise<void> {
  const before: DaemonStatus = daemonStatus({ name: DAEMON_NAME, state_dir: stateDir });
  const progress = deps.progress();
  progress.waiting("stopping the hive, its workers and the queen");
  const state = readUpState(stateDir);
  // A little more than it takes itself.
  const graceMs = HIVE_GRACE_MS + QUEEN_GRACE_MS + 5_000;
  const stopping = stopDaemon({ name: DAEMON_NAME, state_dir: stateDir, grace_ms: graceMs });
  const stopped = await stopping.finally(() => progress.end());
  if (state !== undefined && readUpState(stateDir)?.up.pid === state.up.pid) deps.removeFile(stateFile(stateDir));
  if (!stopped) {
    return deps.print(`Nothing of hive up runs here (state folder ${stateDir}). ${deps.names.command} up  starts it.`);
  }
  const where = state?.queen?.url === undefined ? "" : ` (queen ${state.queen.url})`;
  deps.print(before.state === "running" ? `Stopped${where}.` : `Ended what a killed hive up had left${where}.`);
}
