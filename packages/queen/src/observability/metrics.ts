import { collectDefaultMetrics, Registry } from "prom-client";
import type { Queen } from "../core/queen.ts";
import { GatewayStats } from "../gateway/stats.ts";
import { FAMILIES, type QueenReading } from "./families.ts";
import { familyText } from "./family.ts";

export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

let ofProcess: Registry | undefined;

/** Of the process that this runs in: CPU, memory, event loop. Begun when somebody first asks, for it is not free. */
export function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Everything there is to measure, as Prometheus reads it. Numbers are read when it is asked for, and cost nothing before. */
export async function metricsText(deps: {
  readonly queen: Queen;
  readonly gateway: GatewayStats | undefined;
}): Promise<string> {
  const { queen, gateway = new GatewayStats([]) } = deps;
  const reading: QueenReading = {
    ...{ stats: queen.stats(), heartbeats: queen.heartbeatTotals, gateway },
    ...{ waiting: queen.line.lengths(), line: queen.line.totals },
  };
  const own = FAMILIES.map((family) => familyText(family, reading));
  return `${own.join("")}${await processMetrics().metrics()}`;
}
