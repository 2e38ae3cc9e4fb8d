import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { isAlive, readPidFile } from "@hive-registry/lifecycle";
import { CommandError, EXIT } from "./failure.ts";
import type { LocalHive } from "./fleet/local-hive.ts";
import { runningUp } from "./up/state.ts";
import { QUEEN_URL_DEFAULT } from "./up/text.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `--state-dir`, HIVE_STATE_DIR, `$XDG_STATE_HOME/hive`, `~/.local/state/hive`. */
export function stateDirOf(flag: string | undefined, env: Environment): string {
  return resolve(
    flag ?? (env.HIVE_STATE_DIR || join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "hive")),
  );
}

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

/** `--token-file`, HIVE_TOKEN_FILE, HIVE_TOKEN; undefined without any. Named as its user wrote it when it cannot be used. */
export function tokenOf(flag: string | undefined, env: Environment): string | undefined {
  const file = flag ?? (env.HIVE_TOKEN_FILE || undefined);
  if (file === undefined) return env.HIVE_TOKEN?.trim() || undefined;
  let token: string;
  try {
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
      throw new CommandError(`Others may read the token file ${file}: chmod 600 ${file}`);
    }
    token = readFileSync(file, "utf8").trim();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`The token file ${file} cannot be read.`);
  }
  // It travels in a header.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CommandError(`The token file ${file} must hold one token: printable, no spaces.`);
  return token;
}

/** How this machine's hive is found without a queen: HIVE_URL, or the pid file of one that runs. */
export function localHiveOf(env: Environment): LocalHive {
  return {
    url: env.HIVE_URL ? checkedUrl(env.HIVE_URL, "HIVE_URL") : undefined,
    find: () => urlInPidFiles(stateDirOf(undefined, env)),
    hiveId: env.HIVE_ID || hiveIdOfHost(),
  };
}

/** As the agent makes its id out of the machine's name. */
function hiveIdOfHost(): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);
  return name === "" ? "hive" : name;
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
