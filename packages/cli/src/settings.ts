import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultStateDir, type Environment, hiveIdOfThisMachine } from "@hive-registry/command/places";
import { readToken } from "@hive-registry/command/token";
import { port, SettingError } from "@hive-registry/command/values";
import { isAlive, readPidFile } from "@hive-registry/lifecycle";
import { CommandError, EXIT } from "./failure.ts";
import type { LocalHive } from "./fleet/local-hive.ts";
import { runningUp } from "./up/state.ts";
import { QUEEN_URL_DEFAULT } from "./up/text.ts";

/** `--state-dir`, HIVE_STATE_DIR, `$XDG_STATE_HOME/hive`, `~/.local/state/hive`. */
export const stateDirOf = (flag: string | undefined, env: Environment): string =>
  resolve(flag ?? (env.HIVE_STATE_DIR || defaultStateDir(env)));

/** `--queen`, HIVE_QUEEN_URL, the queen of the `hive up` that runs on this machine, the usual port. */
export function queenUrlOf(flag: string | undefined, env: Environment): string {
  // An agent may have several there; a person asks one.
  const given = flag ?? (env.HIVE_QUEEN_URL?.split(",")[0]?.trim() || undefined);
  if (given !== undefined) return checkedUrl(given, flag === undefined ? "HIVE_QUEEN_URL" : "--queen");
  return runningUp(stateDirOf(undefined, env))?.queen?.url ?? QUEEN_URL_DEFAULT;
}

export function checkedUrl(text: string, called: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CommandError(
      `${called} must be a URL such as ${QUEEN_URL_DEFAULT}, not ${JSON.stringify(text)}.`,
      EXIT.usage,
    );
  }
  return text;
}

/** `--token-file`, HIVE_TOKEN_FILE, HIVE_TOKEN; undefined without any. */
export const tokenOf = (flag: string | undefined, env: Environment): string | undefined =>
  orCommandError(EXIT.failed, () => readToken(flag ?? (env.HIVE_TOKEN_FILE || undefined), env));

/** The port that a variable names; `otherwise` where it is not set. */
export function portOf(variable: string, otherwise: number, env: Environment): number {
  const value = env[variable];
  return value ? orCommandError(EXIT.usage, () => port(value, variable)) : otherwise;
}

function orCommandError<T>(exitCode: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new CommandError(
      error.message.replace(/^./, (first) => first.toUpperCase()),
      exitCode,
    );
  }
}

/** How this machine's hive is found without a queen: HIVE_URL, or the pid file of one that runs. */
export function localHiveOf(env: Environment): LocalHive {
  return {
    url: env.HIVE_URL ? checkedUrl(env.HIVE_URL, "HIVE_URL") : undefined,
    find: () => urlInPidFiles(stateDirOf(undefined, env)),
    hiveId: env.HIVE_ID || hiveIdOfThisMachine(),
  };
}

/** Of several hives the one that `hive up` started, else the first by name. */
function urlInPidFiles(stateDir: string): string | undefined {
  const ofUp = runningUp(stateDir)?.hive?.url;
  if (ofUp !== undefined) return ofUp;
  for (const name of namesIn(stateDir)) {
    if (!/^hive-.*\.pid$/.test(name)) continue;
    const record = readPidFile(join(stateDir, name));
    if (record?.url !== undefined && isAlive(record)) return record.url;
  }
  return undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    return [];
  }
}
