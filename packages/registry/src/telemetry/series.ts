import { AMOUNT_CODE, COUNT_CODE, EXACT_CODE, PERCENT_CODE, SIGNED_CODE } from "./codes.ts";
import type { SeriesKind } from "./step-rings.ts";

/** What is kept of a hive. Spelled as on the wire. */
export type HiveSeries =
  | "heartbeat_interval_ms"
  | "heartbeat_jitter_ms"
  | "heartbeats_lost"
  | "clock_skew_ms"
  | "workers_started"
  | "workers_stopped"
  | "workers_failed"
  | "worker_state_changes"
  | "workers"
  | "vram_used_bytes"
  | "ram_used_bytes"
  | "cpu_percent"
  | "gpu_percent";

const count: SeriesKind = { kind: "sum", code: COUNT_CODE };
const stays = { kind: "mean", stays: true } as const;

/** In some twenty bytes a step. */
export const HIVE_KINDS: Readonly<Record<HiveSeries, SeriesKind>> = {
  heartbeat_interval_ms: { kind: "mean", code: AMOUNT_CODE },
  heartbeat_jitter_ms: { kind: "deviation", code: AMOUNT_CODE },
  heartbeats_lost: count,
  clock_skew_ms: { kind: "mean", code: SIGNED_CODE },
  workers_started: count,
  workers_stopped: count,
  workers_failed: count,
  worker_state_changes: count,
  workers: { ...stays, code: AMOUNT_CODE },
  vram_used_bytes: { ...stays, code: AMOUNT_CODE },
  ram_used_bytes: { ...stays, code: AMOUNT_CODE },
  cpu_percent: { ...stays, code: PERCENT_CODE },
  gpu_percent: { ...stays, code: PERCENT_CODE },
};

/** What is kept of the fleet as a whole. */
export type FleetSeries =
  | Exclude<HiveSeries, "clock_skew_ms">
  | "heartbeats_per_second"
  | "hives_alive"
  | "workers_busy";

const total: SeriesKind = { kind: "sum", code: EXACT_CODE };
const mean: SeriesKind = { kind: "mean", code: EXACT_CODE };

export const FLEET_KINDS: Readonly<Record<FleetSeries, SeriesKind>> = {
  heartbeats_per_second: total,
  heartbeat_interval_ms: mean,
  heartbeat_jitter_ms: mean,
  heartbeats_lost: total,
  workers_started: total,
  workers_stopped: total,
  workers_failed: total,
  worker_state_changes: total,
  hives_alive: mean,
  workers: mean,
  workers_busy: mean,
  vram_used_bytes: mean,
  ram_used_bytes: mean,
  cpu_percent: mean,
  gpu_percent: mean,
};

/** And of each model. */
export type ModelSeries =
  | "requests"
  | "requests_failed"
  | "input_tokens"
  | "output_tokens"
  | "queue_wait_ms"
  | "first_byte_ms";

export const MODEL_KINDS: Readonly<Record<ModelSeries, SeriesKind>> = {
  requests: total,
  requests_failed: total,
  input_tokens: total,
  output_tokens: total,
  queue_wait_ms: mean,
  first_byte_ms: mean,
};

/** The place of each series among its own. */
export function placesOf<Name extends string>(
  kinds: Readonly<Record<Name, SeriesKind>>,
): Readonly<Record<Name, number>> {
  return Object.fromEntries(Object.keys(kinds).map((name, place) => [name, place])) as Record<Name, number>;
}
