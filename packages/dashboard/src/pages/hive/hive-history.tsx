import type { HiveTelemetry } from "@hive-registry/client";
import type { JSX } from "preact";
import { useClient } from "../../app/context.ts";
import { useCall } from "../../app/use-call.ts";
import { bytesText, countText, durationText, percentText } from "../../fleet-data/units.ts";
import { Chart, type ChartProps } from "../../ui/chart.tsx";
import { Card } from "../../ui/parts.tsx";
import { Skeleton } from "../../ui/states.tsx";
import { HistoryActions, NoHistory, useRange } from "../time-range.tsx";

type Series = HiveTelemetry["series"];
type Plan = Pick<ChartProps, "title" | "read" | "lines" | "max" | "isCount">;

/** What of a hive is drawn, one chart below the other. */
const planOf = (series: Series): readonly Plan[] => [
  {
    title: "Heartbeats",
    read: durationText,
    lines: [
      { name: "interval", values: series.heartbeat_interval_ms },
      { name: "jitter", values: series.heartbeat_jitter_ms },
    ],
  },
  {
    title: "Lost heartbeats",
    read: countText,
    max: 1,
    isCount: true,
    lines: [{ name: "lost", values: series.heartbeats_lost }],
  },
  {
    title: "Workers that came and went",
    read: countText,
    max: 1,
    isCount: true,
    lines: [
      { name: "started", values: series.workers_started },
      { name: "stopped", values: series.workers_stopped },
      { name: "failed", values: series.workers_failed },
      { name: "changed state", values: series.worker_state_changes },
    ],
  },
  { title: "GPU memory in use", read: bytesText, lines: [{ name: "VRAM", values: series.vram_used_bytes }] },
  { title: "RAM in use", read: bytesText, lines: [{ name: "RAM", values: series.ram_used_bytes }] },
  {
    title: "GPU and CPU",
    read: percentText,
    max: 100,
    lines: [
      { name: "GPU", values: series.gpu_percent },
      { name: "CPU", values: series.cpu_percent },
    ],
  },
];

/** What a hive was like, as far back as the queen keeps it. */
export function HiveHistory({ hiveId }: { readonly hiveId: string }): JSX.Element {
  const client = useClient();
  const { control, window_ms, every_ms } = useRange();
  const history = useCall(
    (signal) => client.hiveTelemetry(hiveId, { window_ms }, { signal }),
    [client, hiveId, window_ms],
    {
      everyMs: every_ms,
    },
  );
  return (
    <Card title="Over time" actions={<HistoryActions stepMs={history.value?.step_ms}>{control}</HistoryActions>}>
      {history.value !== undefined && (
        <div class="charts">
          {planOf(history.value.series).map((plan) => (
            <Chart
              key={plan.title}
              {...plan}
              fromMs={history.value?.from_ms ?? 0}
              stepMs={history.value?.step_ms ?? 1}
            />
          ))}
        </div>
      )}
      {history.value === undefined && history.error !== undefined && (
        <NoHistory error={history.error} onRetry={history.refresh} />
      )}
      {history.isLoading && history.value === undefined && <Skeleton height={24} label="The history is on its way" />}
    </Card>
  );
}
