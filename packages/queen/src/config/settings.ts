import {
  defaultStateDir,
  type Environment,
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
  text,
  whole,
} from "@hive-registry/command";
import { DEFAULT_PACE } from "hive-registry";
import { GATEWAY_VARIABLES, type GatewaySettings, readGatewaySettings } from "./gateway-settings.ts";
import {
  LIVENESS_VARIABLES,
  type LivenessSettingName,
  type LivenessSettings,
  readLivenessSettings,
} from "./liveness-settings.ts";
import {
  OBSERVABILITY_VARIABLES,
  type ObservabilitySettingName,
  type ObservabilitySettings,
  readObservabilitySettings,
} from "./observability-settings.ts";
import { ON_DEMAND_VARIABLES, type OnDemandSettings, readOnDemandSettings } from "./on-demand-settings.ts";
import {
  readWebhookSettings,
  WEBHOOK_VARIABLES,
  type WebhookSettingName,
  type WebhookSettings,
} from "./webhook-settings.ts";

/** Everything that can be set, read and checked. */
export interface Settings
  extends GatewaySettings,
    LivenessSettings,
    OnDemandSettings,
    ObservabilitySettings,
    WebhookSettings {
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
  /** Where machines that are added reach the queen, when that is not where it listens. */
  readonly publicUrl: string | undefined;
}

const OWN_VARIABLES = {
  port: "HIVE_QUEEN_PORT",
  listen: "HIVE_QUEEN_LISTEN",
  state_dir: "HIVE_STATE_DIR",
  public_url: "HIVE_PUBLIC_URL",
  token_file: "HIVE_TOKEN_FILE",
  log_level: "HIVE_LOG_LEVEL",
  catalog: "HIVE_CATALOG",
  heartbeat_interval_ms: "HIVE_HEARTBEAT_INTERVAL_MS",
  max_heartbeats_per_second: "HIVE_MAX_HEARTBEATS_PER_SECOND",
} as const;
type SettingName =
  | keyof typeof OWN_VARIABLES
  | keyof typeof GATEWAY_VARIABLES
  | keyof typeof ON_DEMAND_VARIABLES
  | LivenessSettingName
  | ObservabilitySettingName
  | WebhookSettingName;
/** The keys of queen.toml and their variables. The flag is the key with dashes. */
const VARIABLES: Readonly<Record<SettingName, string>> = {
  ...OWN_VARIABLES,
  ...GATEWAY_VARIABLES,
  ...ON_DEMAND_VARIABLES,
  ...LIVENESS_VARIABLES,
  ...OBSERVABILITY_VARIABLES,
  ...WEBHOOK_VARIABLES,
};
export type Given = Partial<Record<SettingName, unknown>>;

/** Every setting may come from a flag, the environment or the file; the first that gives it wins. */
export function readSettings(flags: Given, env: Environment, configFile?: string): Settings {
  const from = settingsFrom(VARIABLES, {
    flags,
    env,
    configFile: configFile ?? env.HIVE_QUEEN_CONFIG,
    configName: "queen.toml",
  });
  return {
    port: from("port", port, 7833),
    listen: from("listen", host, "127.0.0.1"),
    stateDir: from("state_dir", path, defaultStateDir(env)),
    publicUrl: from("public_url", optional(httpUrl), undefined),
    tokenFile: from("token_file", optional(path), undefined),
    logLevel: from("log_level", oneOf(LOG_LEVELS), "info"),
    catalog: from("catalog", oneOf(["sqlite", "memory"]), "sqlite"),
    heartbeatIntervalMs: from("heartbeat_interval_ms", whole(100, 600_000), DEFAULT_PACE.intervalMs),
    maxHeartbeatsPerSecond: from("max_heartbeats_per_second", whole(1, 1_000_000), DEFAULT_PACE.maxHeartbeatsPerSecond),
    ...readGatewaySettings(from),
    ...readOnDemandSettings(from),
    ...readLivenessSettings(from),
    ...readObservabilitySettings(from, env),
    ...readWebhookSettings(from, env),
  };
}

const httpUrl: Reader<string> = (value, called) => {
  const given = text(value, called);
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "") {
    return url.href.replace(/\/+$/, "");
  }
  throw new SettingError(`${called} must be a URL, like http://queen.lan:7833`);
};
