import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parse as parseToml, TomlError } from "smol-toml";
import { DEFAULT_PACE } from "../core/heartbeat-interval.ts";
import { DEFAULT_EVICT_AFTER_MS } from "../core/queen.ts";
import { LOG_LEVELS, type LogLevel } from "../observability/log.ts";

/** Everything that can be set, read and checked. */
export interface Settings {
  /** 0: any free one. */
  readonly port: number;
  readonly listen: string;
  readonly stateDir: string;
  readonly tokenFile: string | undefined;
  readonly logLevel: LogLevel;
  /** `memory` forgets the catalog at the end. */
  readonly catalog: "sqlite" | "memory";
  readonly heartbeatIntervalMs: number;
  readonly maxHeartbeatsPerSecond: number;
  /** 0 keeps silent hives. */
  readonly evictAfterMs: number;
}

/** A setting that cannot be used. The message names it as its user wrote it: the flag, the variable or the file's key. */
export class SettingError extends Error {}

/** The keys of queen.toml and their variables. The flag is the key with dashes. */
const ENVIRONMENT = {
  port: "HIVE_QUEEN_PORT",
  listen: "HIVE_QUEEN_LISTEN",
  state_dir: "HIVE_STATE_DIR",
  token_file: "HIVE_TOKEN_FILE",
  log_level: "HIVE_LOG_LEVEL",
  catalog: "HIVE_CATALOG",
  heartbeat_interval_ms: "HIVE_HEARTBEAT_INTERVAL_MS",
  max_heartbeats_per_second: "HIVE_MAX_HEARTBEATS_PER_SECOND",
  evict_after_ms: "HIVE_EVICT_AFTER_MS",
} as const;
type SettingName = keyof typeof ENVIRONMENT;
export type Given = Partial<Record<SettingName, unknown>>;

/** Every setting may come from a flag, the environment or the file; the first that gives it wins. */
export function readSettings(flags: Given, env: NodeJS.ProcessEnv, configFile?: string): Settings {
  const file = readConfigFile(configFile ?? env.HIVE_QUEEN_CONFIG, env);
  const from = <T>(name: SettingName, read: (value: unknown, called: string) => T, otherwise: T): T => {
    const flag = flags[name];
    if (flag !== undefined) return read(flag, `--${name.replaceAll("_", "-")}`);
    const variable = ENVIRONMENT[name];
    if (env[variable]) return read(env[variable], variable);
    const value = file.values[name];
    return value === undefined ? otherwise : read(value, `"${name}" in ${file.path}`);
  };
  return {
    port: from("port", integer(0, 65_535), 7833),
    listen: from("listen", host, "127.0.0.1"),
    stateDir: from("state_dir", path, join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "hive")),
    tokenFile: from("token_file", path, undefined as string | undefined),
    logLevel: from("log_level", oneOf(LOG_LEVELS), "info"),
    catalog: from("catalog", oneOf(["sqlite", "memory"] as const), "sqlite"),
    heartbeatIntervalMs: from("heartbeat_interval_ms", integer(100, 600_000), DEFAULT_PACE.intervalMs),
    maxHeartbeatsPerSecond: from(
      "max_heartbeats_per_second",
      integer(1, 1_000_000),
      DEFAULT_PACE.maxHeartbeatsPerSecond,
    ),
    evictAfterMs: from("evict_after_ms", integer(0, Number.MAX_SAFE_INTEGER), DEFAULT_EVICT_AFTER_MS),
  };
}

function readConfigFile(given: string | undefined, env: NodeJS.ProcessEnv): { path: string; values: Given } {
  const path = given ? resolve(given) : join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "hive", "queen.toml");
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (missing && !given) return { path, values: {} };
    throw new SettingError(missing ? `there is no file ${path}` : `${path} cannot be read`);
  }
  let values: Record<string, unknown>;
  try {
    values = parseToml(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new SettingError(`${path}, line ${error.line}: ${error.message.split("\n")[0]}`);
  }
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(ENVIRONMENT, key)) {
      throw new SettingError(`${path}: unknown key "${key}"; there are ${Object.keys(ENVIRONMENT).join(", ")}`);
    }
  }
  return { path, values };
}

function text(value: unknown, called: string): string {
  if (typeof value !== "string" || value === "") throw new SettingError(`${called} must be text that is not empty`);
  return value;
}

const path = (value: unknown, called: string): string => resolve(text(value, called));

const integer =
  (min: number, max: number) =>
  (value: unknown, called: string): number => {
    const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
    throw new SettingError(`${called} must be a whole number from ${min} to ${max}`);
  };

const oneOf =
  <const T extends readonly string[]>(choices: T) =>
  (value: unknown, called: string): T[number] => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) throw new SettingError(`${called} must be one of ${choices.join(", ")}`);
    return choice;
  };

function host(value: unknown, called: string): string {
  const name = text(value, called).replace(/^\[(.*)\]$/, "$1");
  if (!/^[A-Za-z0-9_.:%-]{1,253}$/.test(name)) throw new SettingError(`${called} must be a name or an address`);
  return name;
}
