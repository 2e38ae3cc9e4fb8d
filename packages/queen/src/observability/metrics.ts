import { metricsPage, PROCESS_FAMILIES, readProcess } from "@hive-registry/command/metrics";
import type { Queen } from "../core/queen.ts";
import type { WebhookCounts } from "../events/webhook.ts";
import { GatewayStats } from "../gateway/stats.ts";
import { countChanges } from "./change-counts.ts";
import { FAMILIES } from "./families.ts";
import { DEFAULT_METRICS_LIMITS, type MetricsLimits, readQueen } from "./reading.ts";

/** Everything there is to measure, as Prometheus reads it. */
export interface Metrics {
  /** Numbers are read when it is asked for, and cost nothing before; but changes are counted all the time. */
  page(): string;
  stop(): void;
}

export function openMetrics(
  deps: {
    readonly queen: Queen;
    readonly gateway: GatewayStats | undefined;
    readonly webhook?: WebhookCounts | undefined;
  },
  limits: MetricsLimits = DEFAULT_METRICS_LIMITS,
): Metrics {
  const { queen, gateway = new GatewayStats([]), webhook } = deps;
  const changes = countChanges(queen.registry);
  return {
    page: () =>
      metricsPage(FAMILIES, readQueen({ queen, gateway, webhook, changes: changes.counts }, limits)) +
      metricsPage(PROCESS_FAMILIES, readProcess()),
    stop: changes.stop,
  };
}
