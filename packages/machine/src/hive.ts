import { existsSync, rmSync } from "node:fs";
import type { Environment } from "@hive-registry/command";
import {
  type Installed,
  type StartedHive,
  startLocalHive,
  statusLocalHive,
  stopLocalHive,
} from "@hive-registry/lifecycle";
import { agentEnvironment, listenFor } from "./agent-flags.ts";
import { parseObject, readText, writePrivate } from "./files.ts";
import type { Places } from "./places.ts";
import { readJoinToken, readSettings, type StoredSettings, settingsOf, sha256 } from "./settings.ts";

export interface HiveDeps {
  readonly places: Places;
  readonly env: Environment;
  readonly nowMs: () => number;
}

/** What the hive was started with, by whom it is, and what it was. */
interface Started {
  readonly pid: number;
  readonly fingerprint: string;
}

/**
 * Starts the hive as the settings say. One that runs so already is left alone; one that runs otherwise is ended first.
 *
 * @throws {HiveError} `HIVE_NOT_FOUND` before `configure`, and as `startLocalHive`.
 */
export async function startHive(deps: HiveDeps): Promise<StartedHive> {
  const { places, env, nowMs } = deps;
  const settings = settingsOf(places);
  const token = readJoinToken(places);
  const { hive_id, queen_url, port } = settings;
  const { state_dir, version } = places;
  const listen = listenFor(settings, token !== undefined);
  const fingerprint = fingerprintOf({ version, node: process.execPath, settings, listen, token });
  const running = statusLocalHive({ hive_id, state_dir });
  if (running.state !== "stopped") {
    const known = readStarted(places);
    const isSame = running.state === "running" && known?.pid === running.pid && known?.fingerprint === fingerprint;
    if (isSame) return { version, port: portOf(running.url) ?? port, already_running: true };
    await stopHive(deps);
  }
  const started = await startLocalHive(
    { nowMs, env: agentEnvironment(settings, env) },
    {
      ...{ hive_id, port, queen_url, state_dir, listen },
      command: [process.execPath, places.program, "agent"],
      ...(token === undefined ? {} : { token_file: places.join_token_file }),
    },
  );
  const { pid } = started;
  if (!started.already_running) writePrivate(places.started_file, `${JSON.stringify({ pid, fingerprint })}\n`);
  return { version, port: started.port, already_running: started.already_running };
}

/** Ends the hive and all it started. False when nothing ran. */
export async function stopHive({ places }: Pick<HiveDeps, "places">): Promise<boolean> {
  const settings = readSettings(places);
  if (settings === undefined) return false;
  const stopped = await stopLocalHive({ hive_id: settings.hive_id, state_dir: places.state_dir });
  rmSync(places.started_file, { force: true });
  return stopped;
}

/** Null before `configure`. */
export function statusOfHive({ places }: Pick<HiveDeps, "places">): Installed | null {
  const settings = readSettings(places);
  if (settings === undefined) return null;
  const { hive_id, queen_id, queen_url, service, port } = settings;
  const { state, url, since_ms } = statusLocalHive({ hive_id, state_dir: places.state_dir });
  const token = existsSync(places.join_token_file) ? readJoinToken(places) : undefined;
  return {
    ...{ hive_id, queen_id, queen_url, version: places.version, service },
    port: (state === "running" ? portOf(url) : undefined) ?? port,
    running: state === "running",
    ...(token === undefined ? {} : { join_token_sha256: sha256(token) }),
    ...(state === "running" && since_ms !== undefined ? { since_ms } : {}),
  };
}

const fingerprintOf = (of: {
  readonly version: string;
  readonly node: string;
  readonly settings: StoredSettings;
  readonly listen: string;
  readonly token: string | undefined;
}): string =>
  sha256(JSON.stringify([of.version, of.node, of.listen, of.token ?? null, Object.entries(of.settings).toSorted()]));

function readStarted(places: Pick<Places, "started_file">): Started | undefined {
  const value = parseObject(readText(places.started_file) ?? "");
  if (typeof value?.pid !== "number" || typeof value.fingerprint !== "string") return undefined;
  return { pid: value.pid, fingerprint: value.fingerprint };
}

const portOf = (url: string | undefined): number | undefined =>
  url === undefined ? undefined : Number(new URL(url).port || 80);
