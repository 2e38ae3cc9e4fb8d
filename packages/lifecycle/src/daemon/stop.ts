import { existsSync } from "node:fs";
import { HiveError } from "@hive-registry/contract/errors";
import { takeLock } from "../lock.ts";
import { type PidRecord, readPidFile, removePidFile } from "../pid-file.ts";
import { identify, isAlive, type ProcessIdentity } from "../processes/identity.ts";
import { signal, until } from "../processes/signal.ts";
import { kinOf } from "./kin.ts";
import { placesOf } from "./places.ts";

export const GRACE_MS_DEFAULT = 15_000;
/** What a daemon leaves behind gets this long to end by itself. */
const KIN_GRACE_MS = 3_000;
/** A killed process is gone in a moment, unless it hangs in the kernel. */
const KILL_WAIT_MS = 5_000;
const LOCK_WAIT_MS = 30_000;

export interface DaemonStop {
  readonly name: string;
  readonly state_dir: string;
  /** How long it may take to end after SIGTERM; then it is killed with its process group. */
  readonly grace_ms?: number;
}

/**
 * Ends a daemon and everything it started, also what outlived one that crashed. Other daemons that it started go on.
 * A process that merely has its pid is left alone.
 *
 * @returns false when there was nothing to end.
 * @throws {HiveError} `FORBIDDEN` when it is another user's, `TIMEOUT` when it cannot even be killed.
 */
export async function stopDaemon(options: DaemonStop): Promise<boolean> {
  return stopWith(options, () => []);
}

/** As {@link stopDaemon}; `others` names more processes that must not outlive it. */
export async function stopWith(options: DaemonStop, others: () => readonly ProcessIdentity[]): Promise<boolean> {
  if (!existsSync(options.state_dir)) return false;
  const graceMs = options.grace_ms ?? GRACE_MS_DEFAULT;
  const places = placesOf(options.name, options.state_dir);
  const release = await takeLock(places.lock_file, { waitMs: LOCK_WAIT_MS + graceMs });
  try {
    const record = readPidFile(places.pid_file);
    const alive = record !== undefined && isAlive(record);
    // Taken before it ends, while it can still be told who belongs to it, and after, for what it started on its way out.
    const before = [...kinOf(alive ? record.pid : undefined, places), ...others()];
    if (alive) await end(record, graceMs);
    const left = [...before, ...kinOf(undefined, places), ...others()].filter(isAlive);
    await endAll(left);
    if (record !== undefined) removePidFile(places.pid_file, record.pid);
    return alive || left.length > 0;
  } finally {
    release();
  }
}

async function end(record: PidRecord, graceMs: number): Promise<void> {
  const gone = () => !isAlive(record);
  signal(record.pid, "SIGTERM");
  if (await until(gone, graceMs)) return;
  const found = identify(record.pid);
  if (found === undefined || gone()) return;
  // Only a group that it leads is its own: one started from a shell may share the shell's.
  signal(found.process_group === record.pid ? -record.pid : record.pid, "SIGKILL");
  if (!(await until(gone, KILL_WAIT_MS))) throw stuck(record.pid);
}

async function endAll(processes: readonly ProcessIdentity[]): Promise<void> {
  const left = () => processes.filter(isAlive);
  for (const { pid } of left()) signal(pid, "SIGTERM");
  if (await until(() => left().length === 0, KIN_GRACE_MS)) return;
  for (const { pid } of left()) signal(pid, "SIGKILL");
  if (!(await until(() => left().length === 0, KILL_WAIT_MS))) throw stuck(left()[0]?.pid ?? 0);
}

function stuck(pid: number): HiveError {
  return new HiveError("TIMEOUT", `Process ${pid} was killed and does not end: it hangs in the kernel`);
}
