import { statSync } from "node:fs";
import { HiveError } from "@hive-registry/contract/errors";
import { MACHINE_ID_PATTERN } from "@hive-registry/contract/names";
import { DAEMON_MARK, placesOf } from "../daemon/places.ts";
import { startWith } from "../daemon/start.ts";
import { type DaemonStatus, daemonStatus } from "../daemon/status.ts";
import { stopWith } from "../daemon/stop.ts";
import { cannot } from "../faults.ts";
import { readTail } from "../log-file.ts";
import { freePort } from "./free-port.ts";
import { recordedWorkers } from "./recorded-workers.ts";

const LOOPBACK = "127.0.0.1";

export interface LocalHive {
  /** Part of file names: see `MACHINE_ID_PATTERN`. */
  readonly hive_id: string;
  readonly state_dir: string;
}

export interface StartLocalHive extends LocalHive {
  /** 0: any free one. */
  readonly port: number;
  readonly queen_url: string;
  /** Holds the fleet's token; no other user may read it. The token itself is on no command line. */
  readonly token_file?: string;
  /** Where its own API listens; loopback by default. */
  readonly listen?: string;
  /** What runs the agent: Node, and the agent's `main.js`. */
  readonly command: readonly [program: string, ...args: readonly string[]];
  readonly extra_args?: readonly string[];
}

export interface LocalHiveStarted {
  readonly pid: number;
  readonly hive_url: string;
  readonly port: number;
  readonly log_file: string;
  readonly already_running: boolean;
}

/**
 * Starts the hive of this machine and answers at once: its first heartbeat is what tells that it is there. Started twice, it
 * answers with the one that runs, whatever port was asked for.
 *
 * @throws {HiveError} `INVALID_REQUEST`, `PORT_IN_USE` when another program has the port, or as `startDaemon`.
 */
export async function startLocalHive(
  deps: { readonly nowMs: () => number; readonly env: Readonly<Record<string, string | undefined>> },
  options: StartLocalHive,
): Promise<LocalHiveStarted> {
  const { hive_id, state_dir, queen_url, token_file } = options;
  const name = nameOf(hive_id);
  if (token_file !== undefined) checkPrivate(token_file);
  const { pid, url, log_file, already_running } = await startWith(deps, { name, state_dir }, async () => {
    const port = await freePort(options.port, options.listen ?? LOOPBACK);
    const [command, ...before] = options.command;
    const flags = ["--id", hive_id, "--port", String(port), "--queen", queen_url, "--state-dir", state_dir];
    const listen = options.listen === undefined ? [] : ["--listen", options.listen];
    const token = token_file === undefined ? [] : ["--token-file", token_file];
    return {
      command,
      args: [...before, ...flags, ...listen, ...token, ...(options.extra_args ?? [])],
      env: environmentOf(deps.env, token_file),
      url: `http://${LOOPBACK}:${port}`,
      hive_id,
    };
  });
  const hive_url = url ?? `http://${LOOPBACK}:${options.port}`;
  return { pid, hive_url, port: Number(new URL(hive_url).port || 80), log_file, already_running };
}

/** Ends this machine's hive and its workers. See `stopDaemon`. */
export async function stopLocalHive(options: LocalHive & { readonly grace_ms?: number }): Promise<boolean> {
  const { hive_id, state_dir, grace_ms } = options;
  const stop = { name: nameOf(hive_id), state_dir, ...(grace_ms === undefined ? {} : { grace_ms }) };
  return stopWith(stop, () => recordedWorkers(state_dir, hive_id));
}

export function statusLocalHive(options: LocalHive): DaemonStatus {
  return daemonStatus({ name: nameOf(options.hive_id), state_dir: options.state_dir });
}

/** The end of what it printed, at most `tail_bytes`; empty when there is nothing. */
export function readLog(options: LocalHive & { readonly tail_bytes: number }): string {
  return readTail(placesOf(nameOf(options.hive_id), options.state_dir).log_file, options.tail_bytes);
}

function nameOf(hiveId: string): string {
  if (new RegExp(MACHINE_ID_PATTERN).test(hiveId)) return `hive-${hiveId}`;
  throw new HiveError(
    "INVALID_REQUEST",
    `${JSON.stringify(hiveId)} cannot be the id of a hive on this machine: letters, digits, dot, dash, underscore; at most 63`,
  );
}

/**
 * The environment of a hive of this machine that something else starts, a service manager say: with it `stopLocalHive` finds all that belongs to
 * it. `HIVE_LOG_FILE` is where its output goes.
 */
export function environmentOfHive(
  options: LocalHive & { readonly token_file?: string },
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> & { readonly HIVE_LOG_FILE: string } {
  const { mark, log_file } = placesOf(nameOf(options.hive_id), options.state_dir);
  return { ...environmentOf(env, options.token_file), [DAEMON_MARK]: mark, HIVE_LOG_FILE: log_file };
}

/** What a queen and a hive both read under one name: the starter's are not its hive's. */
const NOT_HANDED_ON = [
  "HIVE_PORT",
  "HIVE_LISTEN",
  "HIVE_CONFIG",
  "HIVE_STATE_DIR",
  "HIVE_ID",
  "HIVE_QUEEN_URL",
  "HIVE_TOKEN_FILE",
];

/** The token goes by its file where there is one; only without it does one in the environment stay there. */
function environmentOf(
  env: Readonly<Record<string, string | undefined>>,
  tokenFile: string | undefined,
): Readonly<Record<string, string | undefined>> {
  const left = new Set(tokenFile === undefined ? NOT_HANDED_ON : [...NOT_HANDED_ON, "HIVE_TOKEN"]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !left.has(name)));
}

function checkPrivate(tokenFile: string): void {
  let mode: number;
  try {
    mode = statSync(tokenFile).mode;
  } catch (cause) {
    throw cannot(`read the token file ${tokenFile}`, "Name another with --token-file", cause);
  }
  if ((mode & 0o077) === 0) return;
  throw new HiveError("INVALID_REQUEST", `Other users may read the token file ${tokenFile}: chmod 600 it`);
}
