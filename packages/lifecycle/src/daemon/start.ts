import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { cannot } from "../faults.ts";
import { takeLock } from "../lock.ts";
import { openLog } from "../log-file.ts";
import { type PidRecord, readPidFile, recordOf, writePidFile } from "../pid-file.ts";
import { isAlive } from "../processes/identity.ts";
import { signal } from "../processes/signal.ts";
import { DAEMON_MARK, type DaemonPlaces, makeStateDir, placesOf } from "./places.ts";

/** Tells a program which file its output goes to, so that it can keep it from growing without end. */
const LOG_FILE_VARIABLE = "HIVE_LOG_FILE";
/** How long a start waits for another start or a stop of the same name; a stop may take its whole grace. */
const LOCK_WAIT_MS = 30_000;

export interface DaemonSpec {
  /** `queen`, `up`, `hive-desk`: at most one process of a name runs in one state directory. */
  readonly name: string;
  readonly state_dir: string;
  /** A program, found through `PATH` if it has no slash. It runs in this process's working directory. */
  readonly command: string;
  /** Readable by every user of the machine while it runs: never a secret. */
  readonly args: readonly string[];
  /** The whole environment; this process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where what it prints goes; `STATE_DIR/logs/NAME.log` by default. */
  readonly log_file?: string;
  /** Put into the pid file for others to find, until the process writes it itself. */
  readonly url?: string;
  readonly hive_id?: string;
}

export interface DaemonStarted {
  readonly pid: number;
  readonly log_file: string;
  readonly started_at_ms: number;
  /** Where it is, if it or its starter said so. */
  readonly url?: string;
  /** It was there before, and nothing was started. */
  readonly already_running: boolean;
}

/**
 * Starts a program that goes on when this process ends: a session of its own, no terminal, output to its log file. Answers as soon
 * as the process exists; whether it comes to anything, its log and its heartbeat tell. Of several starts at once, in however many
 * processes, exactly one starts it; the others answer with what runs.
 *
 * @throws {HiveError} `INTERNAL` when the command, the log or the state directory cannot be used; `TIMEOUT` when another start or
 * stop of the same name does not come to an end.
 */
export async function startDaemon(deps: { readonly nowMs: () => number }, spec: DaemonSpec): Promise<DaemonStarted> {
  return startWith(deps, spec, async () => spec);
}

/** As {@link startDaemon}, with the rest of the specification made only when there is something to start: a free port, say. */
export async function startWith(
  deps: { readonly nowMs: () => number },
  at: Pick<DaemonSpec, "name" | "state_dir" | "log_file">,
  make: () => Promise<Omit<DaemonSpec, "name" | "state_dir" | "log_file">>,
): Promise<DaemonStarted> {
  makeStateDir(at.state_dir);
  const places = placesOf(at.name, at.state_dir);
  const log_file = at.log_file ?? places.log_file;
  const release = await takeLock(places.lock_file, { waitMs: LOCK_WAIT_MS });
  try {
    const running = readPidFile(places.pid_file);
    if (running !== undefined && isAlive(running)) return started(running, log_file, true);
    const spec = await make();
    const pid = await spawnDetached(spec, places, log_file);
    const { url, hive_id } = spec;
    const record = recordOf(pid, deps.nowMs(), {
      ...(url === undefined ? {} : { url }),
      ...(hive_id === undefined ? {} : { hive_id }),
    });
    remember(places.pid_file, record);
    return started(record, log_file, false);
  } finally {
    release();
  }
}

async function spawnDetached(
  spec: Pick<DaemonSpec, "command" | "args" | "env">,
  places: DaemonPlaces,
  logFile: string,
): Promise<number> {
  const log = open(logFile);
  let child: ChildProcess;
  try {
    child = spawn(spec.command, spec.args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...(spec.env ?? process.env), [DAEMON_MARK]: places.mark, [LOG_FILE_VARIABLE]: logFile },
    });
    if (child.pid === undefined) {
      const [cause] = await once(child, "error");
      throw cause;
    }
  } catch (cause) {
    throw cannot(`start ${spec.command}`, "Is it installed?", cause);
  } finally {
    closeSync(log);
  }
  // From here on it is on its own: its failures are not ours to crash from, and we may end before it.
  child.on("error", () => {});
  child.unref();
  return child.pid;
}

/** A process that no file names could not be stopped any more, so it does not stay. */
function remember(pidFile: string, record: PidRecord): void {
  try {
    writePidFile(pidFile, record);
  } catch (cause) {
    signal(-record.pid, "SIGKILL");
    throw cannot(`write ${pidFile}`, "What was started was ended again", cause);
  }
}

function open(logFile: string): number {
  try {
    return openLog(logFile);
  } catch (cause) {
    throw cannot(`write the log ${logFile}`, "Give this user access to it, or use another --state-dir", cause);
  }
}

function started(record: PidRecord, log_file: string, already_running: boolean): DaemonStarted {
  const { pid, started_at_ms, url } = record;
  return { pid, log_file, started_at_ms, ...(url === undefined ? {} : { url }), already_running };
}
