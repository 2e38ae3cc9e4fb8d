import type { StatsReply } from "@hive-registry/contract";
import type { HiveRuntimeState, ModelSummary } from "hive-registry";
import type { HeartbeatTotals, Queen } from "../core/queen.ts";
import type { LineTotals } from "../core/waiting-line.ts";
import type { WebhookCounts } from "../events/webhook.ts";
import type { GatewayStats } from "../gateway/stats.ts";
import type { ChangeCounts } from "./change-counts.ts";

/** Fleets up to here are told hive by hive and worker by worker; of larger ones only sums, for each series costs whoever keeps it. */
export interface MetricsLimits {
  readonly hivesMax: number;
  readonly workersMax: number;
}

export const DEFAULT_METRICS_LIMITS: MetricsLimits = { hivesMax: 100, workersMax: 500 };

/** What the queen's metrics are read from. */
export interface QueenReading {
  readonly stats: StatsReply;
  readonly heartbeats: HeartbeatTotals;
  readonly heartbeat_interval_ms: number;
  readonly changes: ChangeCounts;
  readonly events_total: number;
  /** Undefined without a receiver. */
  readonly webhook: WebhookCounts | undefined;
  readonly models: readonly ModelSummary[];
  /** Empty when there are more than {@link MetricsLimits.hivesMax}. */
  readonly hives: readonly HiveRuntimeState[];
  /** Whether workers are told one by one. */
  readonly tells_workers: boolean;
  readonly waiting: Iterable<readonly [model: string, waiting: number]>;
  readonly line: LineTotals;
  readonly gateway: GatewayStats;
  readonly now_ms: number;
}

export function readQueen(
  {
    queen,
    gateway,
    changes,
    webhook,
  }: {
    readonly queen: Queen;
    readonly gateway: GatewayStats;
    readonly changes: ChangeCounts;
    readonly webhook?: WebhookCounts | undefined;
  },
  { hivesMax, workersMax }: MetricsLimits,
): QueenReading {
  const { registry } = queen;
  const stats = queen.stats();
  const tellsHives = stats.hives.total <= hivesMax;
  const states = tellsHives ? registry.listAllHives().map((id) => registry.getHiveState(id)) : [];
  return {
    ...{ stats, gateway, changes, models: registry.models(), events_total: queen.events.last, webhook },
    ...{ heartbeats: queen.heartbeatTotals, heartbeat_interval_ms: queen.nextHeartbeatMs() },
    hives: states.filter((state) => state !== undefined),
    tells_workers: tellsHives && stats.workers.total <= workersMax,
    ...{ waiting: queen.line.lengths(), line: queen.line.totals },
    now_ms: queen.clock.nowMs(),
  };
}
