import type { HiveRuntimeState, HivesTelemetry } from "@hive-registry/client";
import { sparkline } from "../output/sparkline.ts";
import type { Column } from "../output/table.ts";
import { gigabytes, percent } from "../output/units.ts";

export type Trend = HivesTelemetry["hives"][number];

/** The last hour in a dozen letters. */
export const TREND_WINDOW_MS = 3_600_000;
export const TREND_STEP_MS = 300_000;

/** What hives were like over the last hour, each with how it is now: GPU, VRAM, and how long they were silent between heartbeats. */
export function trendColumns(
  trends: ReadonlyMap<string, Trend>,
  options: { readonly isUtf8: boolean },
): Column<HiveRuntimeState>[] {
  const column = (
    title: string,
    seriesOf: (trend: Trend) => readonly (number | null)[],
    scaleOf: (hive: HiveRuntimeState, series: readonly (number | null)[]) => number,
    textOf: (value: number) => string | undefined,
  ): Column<HiveRuntimeState> => ({
    title,
    value(hive) {
      const trend = trends.get(hive.hive_id);
      if (trend === undefined) return undefined;
      const series = seriesOf(trend);
      const last = series.findLast((value) => value !== null) ?? null;
      if (last === null) return undefined;
      return `${sparkline(series, scaleOf(hive, series), options)} ${textOf(last)}`;
    },
  });
  const highest = (series: readonly (number | null)[]) => Math.max(...series.map((value) => value ?? 0));
  const vramScale = ({ vram_total_gb }: HiveRuntimeState, series: readonly (number | null)[]) =>
    vram_total_gb === undefined ? highest(series) : vram_total_gb * 1e9;
  return [
    column(
      "GPU, 1 h",
      ({ gpu_percent }) => gpu_percent,
      () => 100,
      percent,
    ),
    column(
      "VRAM, 1 h",
      ({ vram_used_bytes }) => vram_used_bytes,
      vramScale,
      (bytes) => gigabytes(bytes / 1e9),
    ),
    column(
      "BEATS, 1 h",
      ({ heartbeat_interval_ms }) => heartbeat_interval_ms,
      (_, series) => highest(series),
      (ms) => `${(ms / 1_000).toFixed(1)} s`,
    ),
  ];
}
