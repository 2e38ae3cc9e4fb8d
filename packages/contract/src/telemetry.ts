import { Type } from "typebox";
import { HiveIdSchema } from "./ids.ts";
import { type Schema, shape } from "./schema.ts";

/**
 * One thing over time: a value a step, oldest first, null where nobody told. All series of one answer have the same length and
 * the same times: the last step is the one that is under way.
 */
export type Series = readonly (number | null)[];

/** What is kept of each hive over time. */
export const HIVE_SERIES = [
  "heartbeat_interval_ms",
  "heartbeat_jitter_ms",
  "heartbeats_lost",
  "clock_skew_ms",
  "workers_started",
  "workers_stopped",
  "workers_failed",
  "worker_state_changes",
  "workers",
  "vram_used_bytes",
  "ram_used_bytes",
  "cpu_percent",
  "gpu_percent",
] as const;
export type HiveSeriesName = (typeof HIVE_SERIES)[number];

/** And of the fleet as a whole: the same, summed up (percents: the mean), and who was there. */
export const FLEET_SERIES = [
  "heartbeats_per_second",
  "heartbeat_interval_ms",
  "heartbeat_jitter_ms",
  "heartbeats_lost",
  "workers_started",
  "workers_stopped",
  "workers_failed",
  "worker_state_changes",
  "hives_alive",
  "workers",
  "workers_busy",
  "vram_used_bytes",
  "ram_used_bytes",
  "cpu_percent",
  "gpu_percent",
] as const;
export type FleetSeriesName = (typeof FLEET_SERIES)[number];

/** What the gateway saw of a model. Tokens are those that workers tell in their answers' `usage`. */
export const MODEL_SERIES = [
  "requests",
  "requests_failed",
  "input_tokens",
  "output_tokens",
  "queue_wait_ms",
  "first_byte_ms",
] as const;
export type ModelSeriesName = (typeof MODEL_SERIES)[number];

interface Times {
  /** When the first step began, ms since epoch by the queen's clock. */
  readonly from_ms: number;
  readonly step_ms: number;
}

export type HiveTelemetry = Times & {
  readonly hive_id: string;
  readonly series: Readonly<Record<HiveSeriesName, Series>>;
};
export type FleetTelemetry = Times & {
  readonly series: Readonly<Record<FleetSeriesName, Series>>;
  /** The busiest models, at most {@link TELEMETRY_MODELS_MAX}. */
  readonly models: readonly { readonly model: string; readonly series: Readonly<Record<ModelSeriesName, Series>> }[];
};

export const TELEMETRY_MODELS_MAX = 50;

/** A few values of each of many hives, for sparklines: `GET /api/v1/telemetry/hives`. */
export interface HivesTelemetry extends Times {
  readonly hives: readonly {
    readonly hive_id: string;
    readonly gpu_percent: Series;
    readonly vram_used_bytes: Series;
    readonly heartbeat_interval_ms: Series;
  }[];
  readonly next_cursor?: string;
}

const series = Type.Array(Type.Union([Type.Number(), Type.Null()]));
const times = {
  from_ms: Type.Number({ description: "When the first step began" }),
  step_ms: Type.Number({ description: "A value a step" }),
};
const all = <Name extends string>(names: readonly Name[]) =>
  Type.Object(Object.fromEntries(names.map((name) => [name, series])));

export const HiveTelemetrySchema: Schema<HiveTelemetry> = Type.Unsafe<HiveTelemetry>(
  Type.Object({ hive_id: HiveIdSchema, ...times, series: all(HIVE_SERIES) }),
);
export const FleetTelemetrySchema: Schema<FleetTelemetry> = Type.Unsafe<FleetTelemetry>(
  Type.Object({
    ...times,
    series: all(FLEET_SERIES),
    models: Type.Array(Type.Object({ model: Type.String(), series: all(MODEL_SERIES) })),
  }),
);
export const HivesTelemetrySchema: Schema<HivesTelemetry> = Type.Unsafe<HivesTelemetry>(
  Type.Object({
    ...times,
    hives: Type.Array(
      Type.Object({
        hive_id: HiveIdSchema,
        gpu_percent: series,
        vram_used_bytes: series,
        heartbeat_interval_ms: series,
      }),
    ),
    next_cursor: Type.Optional(Type.String()),
  }),
);

/** Without them: the last hour, in steps of a minute. Steps are rounded up to what is kept. */
export interface TelemetryQuery {
  readonly window_ms?: number;
  readonly step_ms?: number;
}
export const TelemetryQuerySchema: Schema<TelemetryQuery> = shape<TelemetryQuery>()(
  Type.Object({
    window_ms: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000, default: 3_600_000 })),
    step_ms: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000 })),
  }),
);

/** Hives in one answer of sparklines. */
export const TELEMETRY_HIVES_MAX = 1_000;
export const TELEMETRY_HIVES_DEFAULT = 200;

export interface HivesTelemetryQuery extends TelemetryQuery {
  readonly limit?: number;
  readonly cursor?: string;
}
export const HivesTelemetryQuerySchema: Schema<HivesTelemetryQuery> = shape<HivesTelemetryQuery>()(
  Type.Object({
    window_ms: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000, default: 3_600_000 })),
    step_ms: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: TELEMETRY_HIVES_MAX, default: TELEMETRY_HIVES_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 1_024, description: "next_cursor of the page before" })),
  }),
);
