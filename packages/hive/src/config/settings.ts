import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { MACHINE_ID_PATTERN } from "@hive-registry/contract";
import { parse as parseToml, TomlError } from "smol-toml";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import { defaultConfigFile, defaultStateDir } from "./state-dir.ts";

/** Everything that can be set, read and checked. */
export interface Settings {
  readonly queens: readonly string[];
  readonly id: string;
  /** 0: any free one. */
  readonly port: number;
  readonly listen: string;
  readonly advertise: string | undefined;
  readonly stateDir: string;
  readonly tokenFile: string | undefined;
  readonly models: readonly string[];
  readonly demo: boolean;
  readonly modelsDir: string;
  /** 0: each worker gets any free one. */
  readonly workerPortStart: number;
  readonly nvidiaSmi: string;
  readonly logLevel: LogLevel;
}

/** A setting that cannot be used. The message names it as its user wrote it: the flag, the variable or the file's key. */
export class SettingError extends Error {}

/** What a flag, an environment variable or a key of the file gave; each is checked the same way. */
type Given = Partial<Record<SettingName, unknown>>;

/** The keys of hive.toml. The flag is the same with dashes. */
type SettingName = keyof typeof ENVIRONMENT;

/** The variable of each setting. */
const ENVIRONMENT = {
  queen: "HIVE_QUEEN_URL",
  id: "HIVE_ID",
  port: "HIVE_PORT",
  listen: "HIVE_LISTEN",
  advertise: "HIVE_ADVERTISE",
  state_dir: "HIVE_STATE_DIR",
  token_file: "HIVE_TOKEN_FILE",
  model: "HIVE_MODEL",
  demo: "HIVE_DEMO",
  models_dir: "HIVE_MODELS_DIR",
  worker_port_start: "HIVE_WORKER_PORT_START",
  nvidia_smi: "HIVE_NVIDIA_SMI",
  log_level: "HIVE_LOG_LEVEL",
} as const;

const QUEENS_MAX = 16;

/** Every setting may come from a flag, the environment or the file; the first that gives it wins. */
export function readSettings(flags: Given, env: NodeJS.ProcessEnv, configFile?: string): Settings {
  const file = readConfigFile(configFile ?? env.HIVE_CONFIG, env);
  const from = <T>(name: SettingName, read: (value: unknown, called: string) => T, otherwise: T): T => {
    const flag = flags[name];
    if (flag !== undefined) return read(flag, `--${name.replaceAll("_", "-")}`);
    const variable = ENVIRONMENT[name];
    if (env[variable]) return read(env[variable], variable);
    const value = file.values[name];
    return value === undefined ? otherwise : read(value, `"${name}" in ${file.path}`);
  };

  const stateDir = from("state_dir", path, defaultStateDir(env));
  return {
    queens: from("queen", queenUrls, ["http://127.0.0.1:7833"]),
    id: from("id", machineId, idFromHostname()),
    port: from("port", port, 7835),
    listen: from("listen", host, "127.0.0.1"),
    advertise: from("advertise", optional(host), undefined),
    stateDir,
    tokenFile: from("token_file", optional(path), undefined),
    models: from("model", textList, []),
    demo: from("demo", yesOrNo, true),
    modelsDir: from("models_dir", path, join(stateDir, "models")),
    workerPortStart: from("worker_port_start", port, 9300),
    nvidiaSmi: from("nvidia_smi", text, "nvidia-smi"),
    logLevel: from("log_level", logLevel, "info"),
  };
}

/** An environment without what configures the hive itself, its token above all: for the processes it starts. */
export function withoutOwnSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = new Set<string>([...Object.values(ENVIRONMENT), "HIVE_TOKEN", "HIVE_CONFIG"]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name)));
}

function readConfigFile(given: string | undefined, env: NodeJS.ProcessEnv): { path: string; values: Given } {
  const path = given === undefined || given === "" ? defaultConfigFile(env) : resolve(given);
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

const optional =
  <T>(read: (value: unknown, called: string) => T) =>
  (value: unknown, called: string): T | undefined =>
    read(value, called);

/** A list, or one text with commas between its parts. */
function textList(value: unknown, called: string): string[] {
  const parts = Array.isArray(value) ? value : text(value, called).split(",");
  return parts.map((part: unknown) => text(typeof part === "string" ? part.trim() : part, called));
}

function port(value: unknown, called: string): number {
  const number = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new SettingError(`${called} must be a port, 0 to 65535`);
  }
  return number;
}

function host(value: unknown, called: string): string {
  const name = text(value, called).replace(/^\[(.*)\]$/, "$1");
  if (!/^[A-Za-z0-9_.:%-]{1,253}$/.test(name)) throw new SettingError(`${called} must be a name or an address`);
  return name;
}

function machineId(value: unknown, called: string): string {
  const id = text(value, called);
  if (new RegExp(MACHINE_ID_PATTERN).test(id)) return id;
  throw new SettingError(`${called} must start with a letter or digit; then letters, digits, . _ -; at most 63`);
}

function idFromHostname(): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);
  return name === "" ? "hive" : name;
}

function queenUrls(value: unknown, called: string): string[] {
  const urls = [...new Set(textList(value, called).map((url) => queenUrl(url, called)))];
  if (urls.length > QUEENS_MAX) throw new SettingError(`${called}: at most ${QUEENS_MAX} queens`);
  return urls;
}

function queenUrl(value: string, called: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new SettingError(`${called} must be a URL such as http://127.0.0.1:7833, not ${value.slice(0, 200)}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new SettingError(`${called} must not hold a password: give the token with HIVE_TOKEN or --token-file`);
  }
  return url.href.replace(/\/+$/, "");
}

function yesOrNo(value: unknown, called: string): boolean {
  if (typeof value === "boolean") return value;
  if (value === "1" || value === "true" || value === "yes") return true;
  if (value === "0" || value === "false" || value === "no") return false;
  throw new SettingError(`${called} must be true or false`);
}

function logLevel(value: unknown, called: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) throw new SettingError(`${called} must be one of ${LOG_LEVELS.join(", ")}`);
  return level;
}
