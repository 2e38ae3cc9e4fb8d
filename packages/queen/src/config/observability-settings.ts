import { type Environment, type From, optional, type Reader, SettingError, text, whole } from "@hive-registry/command";
import { DEFAULT_METRICS_LIMITS, type MetricsLimits } from "../observability/reading.ts";

/** Where traces go, and of how many requests. */
export interface TraceSettings {
  /** Whole, with the path: OTLP over HTTP. */
  readonly endpoint: string;
  readonly serviceName: string;
  /** Of requests whose client does not say whether they are traced; 0 to 1. */
  readonly sampleRatio: number;
}

/** What is told of the queen's work, and to whom. */
export interface ObservabilitySettings {
  readonly metrics: MetricsLimits;
  /** Undefined: nobody is told. */
  readonly traces: TraceSettings | undefined;
}

export const OBSERVABILITY_VARIABLES = {
  metrics_hives_max: "HIVE_METRICS_HIVES_MAX",
  metrics_workers_max: "HIVE_METRICS_WORKERS_MAX",
  traces_endpoint: "HIVE_TRACES_ENDPOINT",
  traces_sample_ratio: "HIVE_TRACES_SAMPLE_RATIO",
} as const;
export type ObservabilitySettingName = keyof typeof OBSERVABILITY_VARIABLES;

/** Flags and what they mean, for `--help`. */
export const OBSERVABILITY_FLAGS: readonly (readonly [flag: string, meaning: string])[] = [
  ["--metrics-hives-max <n>", "/metrics tells of each hive in fleets up to here, of larger ones sums (default: 100)"],
  ["--metrics-workers-max <n>", "/metrics tells of each worker in fleets up to here (default: 500)"],
  [
    "--traces-endpoint <url>",
    "send traces of requests there, OTLP over HTTP (default: OTEL_EXPORTER_OTLP_… or nowhere)",
  ],
  ["--traces-sample-ratio <0-1>", "share of requests that are traced when their client does not say (default: 1)"],
];

const SERVICE_NAME = "hive-queen";
const COUNT_MAX = 1_000_000;

/** The variables of OpenTelemetry's own name the receiver too, as its specification of exporters says; ours win. */
export function readObservabilitySettings(
  from: From<ObservabilitySettingName>,
  env: Environment,
): ObservabilitySettings {
  const endpoint = from("traces_endpoint", optional(receiver), standardEndpoint(env));
  const sampleRatio = from("traces_sample_ratio", share, 1);
  return {
    metrics: {
      hivesMax: from("metrics_hives_max", whole(0, COUNT_MAX), DEFAULT_METRICS_LIMITS.hivesMax),
      workersMax: from("metrics_workers_max", whole(0, COUNT_MAX), DEFAULT_METRICS_LIMITS.workersMax),
    },
    traces:
      endpoint === undefined
        ? undefined
        : { endpoint, sampleRatio, serviceName: env.OTEL_SERVICE_NAME || SERVICE_NAME },
  };
}

function standardEndpoint(env: Environment): string | undefined {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === "true") return undefined;
  const [traces, all] = [env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, env.OTEL_EXPORTER_OTLP_ENDPOINT];
  if (traces) return receiver(traces, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (all) return `${receiver(all, "OTEL_EXPORTER_OTLP_ENDPOINT").replace(/\/+$/, "")}/v1/traces`;
  return undefined;
}

const receiver: Reader<string> = (value, called) => {
  const given = text(value, called);
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given;
  throw new SettingError(`${called} must be a URL, like http://127.0.0.1:4318/v1/traces`);
};

const share: Reader<number> = (value, called) => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && number >= 0 && number <= 1) return number;
  throw new SettingError(`${called} must be a number from 0 to 1`);
};
