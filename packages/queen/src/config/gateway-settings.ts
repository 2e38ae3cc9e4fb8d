import { type From, oneOf, type Reader, SettingError, whole, yesOrNo } from "@hive-registry/command";
import { MODEL_LENGTH_MAX } from "@hive-registry/contract/names";
import { type ModelAliases, POLICIES, type Policy } from "hive-registry";
import { DEFAULT_LINE_LIMITS, type LineLimits } from "../core/waiting-line.ts";
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from "../gateway/limits.ts";

/** How requests for inference find their worker, and what they may take. */
export interface GatewaySettings {
  readonly gateway: GatewayLimits;
  readonly line: LineLimits;
  readonly aliases: ModelAliases;
  /** Of requests that name none. */
  readonly policy: Policy;
}

export const GATEWAY_VARIABLES = {
  policy: "HIVE_POLICY",
  model_aliases: "HIVE_MODEL_ALIASES",
  queue_wait_ms: "HIVE_QUEUE_WAIT_MS",
  queue_per_model: "HIVE_QUEUE_PER_MODEL",
  queue_total: "HIVE_QUEUE_TOTAL",
  gateway_tries: "HIVE_GATEWAY_TRIES",
  gateway_failover_5xx: "HIVE_GATEWAY_FAILOVER_5XX",
  gateway_connect_ms: "HIVE_GATEWAY_CONNECT_MS",
  gateway_first_byte_ms: "HIVE_GATEWAY_FIRST_BYTE_MS",
  gateway_idle_ms: "HIVE_GATEWAY_IDLE_MS",
  gateway_keep_alive_ms: "HIVE_GATEWAY_KEEP_ALIVE_MS",
  gateway_body_bytes: "HIVE_GATEWAY_BODY_BYTES",
  gateway_bodies_bytes: "HIVE_GATEWAY_BODIES_BYTES",
} as const;
export type GatewaySettingName = keyof typeof GATEWAY_VARIABLES;

/** Flags and what they mean, for `--help`. */
export const GATEWAY_FLAGS: readonly (readonly [flag: string, meaning: string])[] = [
  ["--policy <name>", `how a worker is chosen: ${POLICIES.join(", ")} (default: best)`],
  ["--model-aliases <list>", "other names of models: fast=llama-3-8b|qwen-7b,big=llama-3-70b"],
  ["--queue-wait-ms <ms>", "how long a request waits for busy workers (default: 30000)"],
  ["--queue-per-model <n>", "requests that may wait for one model (default: 256)"],
  ["--queue-total <n>", "requests that may wait in all (default: 4096)"],
  ["--gateway-tries <n>", "workers a request is sent to before it is given up (default: 3)"],
  ["--gateway-failover-5xx <yes|no>", "ask another worker after any status from 500 on (default: no)"],
  ["--gateway-connect-ms <ms>", "longest time to connect to a worker (default: 2000)"],
  ["--gateway-first-byte-ms <ms>", "longest time until a worker's first byte (default: 600000)"],
  ["--gateway-idle-ms <ms>", "longest silence in an answer (default: 120000)"],
  ["--gateway-keep-alive-ms <ms>", "who waits for a stream hears a comment this often (default: 15000)"],
  ["--gateway-body-bytes <n>", "largest body of a request (default: 33554432)"],
  ["--gateway-bodies-bytes <n>", "largest sum of the bodies that are held (default: 1073741824)"],
];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ALIASES_MAX = 1_000;
const ALIAS_TARGETS_MAX = 64;

export function readGatewaySettings(from: From<GatewaySettingName>): GatewaySettings {
  const gateway = DEFAULT_GATEWAY_LIMITS;
  return {
    policy: from("policy", oneOf(POLICIES), "best"),
    aliases: from("model_aliases", modelAliases, {}),
    line: {
      perModel: from("queue_per_model", whole(0, 1_000_000), DEFAULT_LINE_LIMITS.perModel),
      total: from("queue_total", whole(0, 1_000_000), DEFAULT_LINE_LIMITS.total),
    },
    gateway: {
      bodyBytesMax: from("gateway_body_bytes", whole(1_024, 2 ** 30), gateway.bodyBytesMax),
      bodiesBytesMax: from("gateway_bodies_bytes", whole(1_024, 2 ** 40), gateway.bodiesBytesMax),
      triesMax: from("gateway_tries", whole(1, 100), gateway.triesMax),
      queueWaitMs: from("queue_wait_ms", whole(0, HOUR_MS), gateway.queueWaitMs),
      connectMs: from("gateway_connect_ms", whole(1, HOUR_MS), gateway.connectMs),
      firstByteMs: from("gateway_first_byte_ms", whole(1, DAY_MS), gateway.firstByteMs),
      idleMs: from("gateway_idle_ms", whole(1, DAY_MS), gateway.idleMs),
      keepAliveMs: from("gateway_keep_alive_ms", whole(1, DAY_MS), gateway.keepAliveMs),
      failover5xx: from("gateway_failover_5xx", yesOrNo, gateway.failover5xx),
    },
  };
}

/** A table of names, each with one model or several; or a text, `NAME=MODEL|MODEL,NAME=MODEL`. */
export const modelAliases: Reader<ModelAliases> = (value, called) => {
  const entries = typeof value === "string" ? entriesOf(value, called) : isTable(value) ? Object.entries(value) : [];
  if (typeof value !== "string" && !isTable(value)) {
    throw new SettingError(`${called} must be a table of names, or a text like fast=llama-3-8b|qwen-7b`);
  }
  if (entries.length > ALIASES_MAX) throw new SettingError(`${called} may have ${ALIASES_MAX} names at most`);
  return Object.fromEntries(entries.map(([alias, targets]) => [alias, targetsOf(targets, `${alias} of ${called}`)]));
};

function entriesOf(text: string, called: string): [string, readonly string[]][] {
  const parts = text.split(",").map((part) => part.trim());
  return parts
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=");
      if (at < 1) throw new SettingError(`${called}: "${part}" must be NAME=MODEL`);
      return [part.slice(0, at).trim(), part.slice(at + 1).split("|")];
    });
}

function targetsOf(value: unknown, called: string): string[] {
  const targets = (Array.isArray(value) ? value : [value]).map((target: unknown) =>
    typeof target === "string" ? target.trim() : "",
  );
  if (
    targets.length === 0 ||
    targets.length > ALIAS_TARGETS_MAX ||
    targets.some((target) => target === "" || target.length > MODEL_LENGTH_MAX)
  ) {
    throw new SettingError(`${called} must be the name of a model, or 1 to ${ALIAS_TARGETS_MAX} of them`);
  }
  return targets;
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
