import { rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Environment } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract/errors";
import { runAgent } from "@hive-registry/hive";
import {
  type DaemonStatus,
  environmentOfHive,
  freePort,
  type Installed,
  readLog,
  type StartedHive,
  startLocalHive,
  statusLocalHive,
  stopLocalHive,
} from "@hive-registry/lifecycle";
import { agentArgs, agentEnvironment, listenFor } from "./agent-flags.ts";
import { parseObject, readText, writePrivate } from "./files.ts";
import type { Places } from "./places.ts";
import { type ServiceManager, serviceManager } from "./service/manager.ts";
import { readJoinToken, readSettings, type StoredSettings, settingsOf, sha256 } from "./settings.ts";

export interface HiveDeps {
  readonly places: Places;
  readonly env: Environment;
  readonly nowMs: () => number;
}

/** What the hive was started with. */
interface Started {
  readonly pid: number;
  readonly fingerprint: string;
}

/** What a hive is to be run with. */
interface Wanted {
  readonly settings: StoredSettings;
  readonly listen: string;
  /** Undefined where it has no token. */
  readonly token_file: string | undefined;
  /** Of all that it is run with but the port, so that a change of anything shows. */
  readonly fingerprint: string;
}

/** A service is there when it listens, or it is not there. */
const SERVICE_START_LIMIT_MS = 20_000;
const LOOK_EVERY_MS = 20;
const LAST_WORDS_BYTES = 2_048;

/** What `start` answers. */
export type Answered = StartedHive & {
  /** What a person should know of it. */
  readonly note?: string;
};

/**
 * Starts the hive as the settings say, as a process or as a service. One that runs so already is left alone; one that runs otherwise is ended
 * first.
 *
 * @throws {HiveError} `HIVE_NOT_FOUND` before `configure`; `PORT_IN_USE`; `MACHINE_FAILED` when the service manager says no, or its hive does not
 * come up; and as `startLocalHive`.
 */
export async function startHive(deps: HiveDeps): Promise<Answered> {
  const { places } = deps;
  const manager = serviceManager(deps.env);
  const wanted = wantedHive(places);
  const { settings } = wanted;
  const running = runningHive(places, wanted);
  const note = settings.service && manager.note !== undefined ? { note: manager.note } : {};
  if (running !== undefined && settings.service === manager.isInstalled()) {
    return { version: places.version, port: portOf(running.url) ?? settings.port, already_running: true, ...note };
  }
  await stopHive(deps);
  if (settings.service) return { ...(await startAsService(deps, wanted, manager)), ...note };
  await manager.remove();
  return startAsProcess(deps, wanted);
}

async function startAsProcess(
  { places, env, nowMs }: HiveDeps,
  { settings, listen, token_file, fingerprint }: Wanted,
): Promise<StartedHive> {
  const { hive_id, port, queen_url } = settings;
  const started = await startLocalHive(
    { nowMs, env: agentEnvironment(settings, env) },
    {
      ...{ hive_id, port, queen_url, listen, state_dir: places.state_dir },
      command: [process.execPath, places.program, "agent"],
      ...(token_file === undefined ? {} : { token_file }),
    },
  );
  // Who runs already was started by somebody else just now, who knows with what.
  if (!started.already_running) writeStarted(places, { pid: started.pid, fingerprint });
  return { version: places.version, port: started.port, already_running: started.already_running };
}

async function startAsService(
  { places, env }: HiveDeps,
  wanted: Wanted,
  manager: ServiceManager,
): Promise<StartedHive> {
  const { hive_id, port } = wanted.settings;
  const { state_dir } = places;
  if (port !== 0) await freePort(port, wanted.listen);
  const kept = ["PATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];
  await manager.start({
    command: [process.execPath, places.program, "service", "run"],
    env: Object.fromEntries(kept.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
    log_file: environmentOfHive({ hive_id, state_dir }, {}).HIVE_LOG_FILE,
  });
  const endMs = performance.now() + SERVICE_START_LIMIT_MS;
  while (performance.now() < endMs) {
    const running = runningHive(places, wanted);
    const at = portOf(running?.url);
    if (at !== undefined) return { version: places.version, port: at, already_running: false };
    await pause(LOOK_EVERY_MS);
  }
  throw new HiveError("MACHINE_FAILED", "The service was started, and its hive does not come up", {
    details: { output_tail: readLog({ hive_id, state_dir, tail_bytes: LAST_WORDS_BYTES }) },
  });
}

/** What a service manager runs: the hive, in this process, for as long as it lives. Answers the exit code. */
export async function runAsService({ places, env }: Pick<HiveDeps, "places" | "env">): Promise<number> {
  const { settings, listen, token_file, fingerprint } = wantedHive(places);
  const { hive_id } = settings;
  const { state_dir } = places;
  const at = { hive_id, state_dir, ...(token_file === undefined ? {} : { token_file }) };
  process.env = { ...environmentOfHive(at, agentEnvironment(settings, env)) };
  writeStarted(places, { pid: process.pid, fingerprint });
  return runAgent([process.execPath, places.program, ...agentArgs(settings, { state_dir, listen, token_file })]);
}

/** Ends the hive and all it started. A service stays one, and comes back with the machine. False when nothing ran. */
export async function stopHive({ places, env }: Pick<HiveDeps, "places" | "env">): Promise<boolean> {
  const settings = readSettings(places);
  const at = settings && { hive_id: settings.hive_id, state_dir: places.state_dir };
  const ran = at !== undefined && statusLocalHive(at).state === "running";
  await serviceManager(env).stop();
  const stopped = at !== undefined && (await stopLocalHive(at));
  rmSync(places.started_file, { force: true });
  return ran || stopped;
}

/** Null before `configure`. */
export function statusOfHive({ places }: Pick<HiveDeps, "places">): Installed | null {
  const settings = readSettings(places);
  if (settings === undefined) return null;
  const { hive_id, queen_id, queen_url, service, port } = settings;
  const { state, url, since_ms } = statusLocalHive({ hive_id, state_dir: places.state_dir });
  const token = readJoinToken(places);
  return {
    ...{ hive_id, queen_id, queen_url, version: places.version, service },
    port: (state === "running" ? portOf(url) : undefined) ?? port,
    running: state === "running",
    ...(token === undefined ? {} : { join_token_sha256: sha256(token) }),
    ...(state === "running" && since_ms !== undefined ? { since_ms } : {}),
  };
}

function wantedHive(places: Places): Wanted {
  const settings = settingsOf(places);
  const token = readJoinToken(places);
  const listen = listenFor(settings, token !== undefined);
  const token_file = token === undefined ? undefined : places.join_token_file;
  const { port: _, ...rest } = settings;
  const of = [
    places.version,
    places.engine ?? null,
    process.execPath,
    listen,
    token ?? null,
    Object.entries(rest).toSorted(),
  ];
  return { settings, listen, token_file, fingerprint: sha256(JSON.stringify(of)) };
}

/** The hive that runs, if it was started just so. One that took any free port is at the right one, whichever that is now. */
function runningHive(places: Places, { settings, fingerprint }: Wanted): DaemonStatus | undefined {
  const { hive_id, port } = settings;
  const status = statusLocalHive({ hive_id, state_dir: places.state_dir });
  const known = readStarted(places);
  if (status.state !== "running" || known?.pid !== status.pid || known?.fingerprint !== fingerprint) return undefined;
  return port === 0 || port === portOf(status.url) ? status : undefined;
}

const writeStarted = (places: Pick<Places, "started_file">, started: Started): void =>
  writePrivate(places.started_file, `${JSON.stringify(started)}\n`);

function readStarted(places: Pick<Places, "started_file">): Started | undefined {
  const value = parseObject(readText(places.started_file) ?? "");
  if (typeof value?.pid !== "number" || typeof value.fingerprint !== "string") return undefined;
  return { pid: value.pid, fingerprint: value.fingerprint };
}

const portOf = (url: string | undefined): number | undefined =>
  url === undefined ? undefined : Number(new URL(url).port || 80);
