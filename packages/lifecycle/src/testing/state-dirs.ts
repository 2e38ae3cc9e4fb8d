import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import type { DaemonSpec } from "../daemon/start.ts";
import { stopDaemon } from "../daemon/stop.ts";
import { readTail } from "../log-file.ts";
import { identify, isAlive } from "../processes/identity.ts";
import { until } from "../processes/signal.ts";

export const DAEMON: string = fileURLToPath(new URL("daemon.mjs", import.meta.url));
export const START_AND_EXIT: string = fileURLToPath(new URL("start-and-exit.mjs", import.meta.url));
export const COUNT_UNDER_LOCK: string = fileURLToPath(new URL("count-under-lock.mjs", import.meta.url));

const SEEN_WITHIN_MS = 20_000;

/** State directories of their own; after each test all that runs in them is ended, then they are gone. */
export function stateDirs(): {
  stateDir(): string;
  /** Ends this process after the test, if it still is the one it is now. */
  endAfterwards(pid: number): void;
} {
  const directories: string[] = [];
  const pids: NonNullable<ReturnType<typeof identify>>[] = [];
  afterEach(async () => {
    for (const known of pids.splice(0)) if (isAlive(known)) process.kill(known.pid, "SIGKILL");
    for (const state_dir of directories.splice(0)) {
      for (const file of readdirSync(state_dir).filter((name) => name.endsWith(".pid"))) {
        await stopDaemon({ name: file.slice(0, -".pid".length), state_dir, grace_ms: 0 });
      }
      rmSync(state_dir, { recursive: true, force: true });
    }
  });
  return {
    stateDir() {
      const made = mkdtempSync(join(tmpdir(), "hive-lifecycle-test-"));
      directories.push(made);
      return made;
    },
    endAfterwards(pid) {
      const known = identify(pid);
      if (known !== undefined) pids.push(known);
    },
  };
}

/** Starts `daemon.mjs` with `flags`. */
export function aDaemon(state_dir: string, ...flags: readonly string[]): DaemonSpec {
  return { name: "queen", state_dir, command: process.execPath, args: [DAEMON, ...flags] };
}

/** Waits until a log holds `pattern` and answers with its first group. */
export async function said(logFile: string, pattern: RegExp): Promise<string> {
  const found = () => pattern.exec(readTail(logFile, 100_000));
  if (!(await until(() => found() !== null, SEEN_WITHIN_MS))) {
    throw new Error(`${pattern} was not said within ${SEEN_WITHIN_MS} ms, but: ${readTail(logFile, 2_000)}`);
  }
  return found()?.[1] ?? "";
}

/** Waits until no process has this pid. */
export async function gone(pid: number): Promise<boolean> {
  return until(() => identify(pid) === undefined, SEEN_WITHIN_MS);
}
