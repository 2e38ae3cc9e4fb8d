import { join } from "node:path";
import {
  defaultStateDir,
  type Environment,
  hiveIdOfThisMachine,
  host,
  LOG_LEVELS,
  type LogLevel,
  oneOf,
  optional,
  path,
  port,
  type Reader,
  SettingError,
  settingsFrom,
  sha256,
  text,
  textList,
  whole,
  yesOrNo,
} from "@hive-registry/command";
import { MACHINE_ID_PATTERN } from "@hive-registry/contract";
import { PROBE_EVERY_MS } from "../discovery/follower.ts";
import { type Labels, labels } from "./labels.ts";
import { type ConfiguredServer, serversWith } from "./servers.ts";

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
  /** SHA-256 of the fleet's token, for a hive that has a token of its own instead. */
  readonly fleetTokenSha256: string | undefined;
  readonly models: readonly string[];
  readonly demo: boolean;
  readonly modelsDir: string;
  /** 0: each worker gets any free one. */
  readonly workerPortStart: number;
  readonly nvidiaSmi: string;
  /** Whether inference servers are looked for that nobody named. */
  readonly discover: boolean;
  readonly servers: readonly ConfiguredServer[];
  /** How often a found server is asked how it stands, while that changes. */
  readonly probeIntervalMs: number;
  /** Sent with each heartbeat; the operator's in the catalog come over them, key by key. */
  readonly labels: Labels;
  readonly logLevel: LogLevel;
}

/** The keys of hive.toml and their variables. The flag is the key with dashes; of labels each has its own, `--label`. */
const VARIABLES = {
  queen: "HIVE_QUEEN_URL",
  id: "HIVE_ID",
  port: "HIVE_PORT",
  listen: "HIVE_LISTEN",
  advertise: "HIVE_ADVERTISE",
  state_dir: "HIVE_STATE_DIR",
  token_file: "HIVE_TOKEN_FILE",
  fleet_token_sha256: "HIVE_FLEET_TOKEN_SHA256",
  model: "HIVE_MODEL",
  demo: "HIVE_DEMO",
  models_dir: "HIVE_MODELS_DIR",
  worker_port_start: "HIVE_WORKER_PORT_START",
  nvidia_smi: "HIVE_NVIDIA_SMI",
  discover: "HIVE_DISCOVER",
  server: "HIVE_SERVER",
  probe_interval_ms: "HIVE_PROBE_INTERVAL_MS",
  labels: "HIVE_LABELS",
  log_level: "HIVE_LOG_LEVEL",
} as const;
export type Given = Partial<Record<keyof typeof VARIABLES, unknown>>;

const QUEENS_MAX = 16;

/** Every setting may come from a flag, the environment or the file; the first that gives it wins. */
export function readSettings(flags: Given, env: Environment, configFile?: string): Settings {
  const from = settingsFrom(VARIABLES, {
    flags,
    env,
    configFile: configFile ?? env.HIVE_CONFIG,
    configName: "hive.toml",
  });
  const stateDir = from("state_dir", path, defaultStateDir(env));
  return {
    queens: from("queen", queenUrls, ["http://127.0.0.1:7833"]),
    id: from("id", machineId, hiveIdOfThisMachine()),
    port: from("port", port, 7835),
    listen: from("listen", host, "127.0.0.1"),
    advertise: from("advertise", optional(host), undefined),
    stateDir,
    tokenFile: from("token_file", optional(path), undefined),
    fleetTokenSha256: from("fleet_token_sha256", optional(sha256), undefined),
    models: from("model", textList, []),
    demo: from("demo", yesOrNo, true),
    modelsDir: from("models_dir", path, join(stateDir, "models")),
    workerPortStart: from("worker_port_start", port, 9300),
    nvidiaSmi: from("nvidia_smi", text, "nvidia-smi"),
    discover: from("discover", yesOrNo, true),
    servers: from("server", serversWith(env), []),
    probeIntervalMs: from("probe_interval_ms", whole(200, 60_000), PROBE_EVERY_MS),
    labels: from("labels", labels, {}),
    logLevel: from("log_level", oneOf(LOG_LEVELS), "info"),
  };
}

/** An environment without what configures the hive itself, its token above all: for the processes it starts. */
export function withoutOwnSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = new Set<string>([...Object.values(VARIABLES), "HIVE_TOKEN", "HIVE_CONFIG"]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name)));
}

const machineId: Reader<string> = (value, called) => {
  const id = text(value, called);
  if (new RegExp(MACHINE_ID_PATTERN).test(id)) return id;
  throw new SettingError(`${called} must start with a letter or digit; then letters, digits, . _ -; at most 63`);
};

const queenUrls: Reader<string[]> = (value, called) => {
  const urls = [...new Set(textList(value, called).map((url) => queenUrl(url, called)))];
  if (urls.length > QUEENS_MAX) throw new SettingError(`${called}: at most ${QUEENS_MAX} queens`);
  return urls;
};

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
