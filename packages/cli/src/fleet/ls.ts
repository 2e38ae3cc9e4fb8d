import type { HiveClient, HiveRuntimeState } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import { type Column, type Look, table } from "../output/table.ts";
import { displayWidth } from "../output/text.ts";
import { duration, gigabytes } from "../output/units.ts";
import { TREND_STEP_MS, TREND_WINDOW_MS, type Trend, trendColumns } from "./trends.ts";

/** A hive's clock that is off by less is not worth a column: the time on the way is in it too. */
export const SKEW_SHOWN_MS = 2_000;
/** Hives in one answer of the last hour. */
const TREND_PAGE = 1_000;

export interface LsFlags extends JsonFlag {
  /** Also how they were over the last hour. */
  readonly wide?: boolean;
}

/**
 * `hive ls` lists hives, those that answer first, then most free VRAM first. Exits 0 even when there are none. `--wide` shows the last
 * hour too, as much of it as the terminal has room for.
 */
export async function ls(
  deps: Uses<"listHives" | "eachHiveTelemetry", "print" | "look" | "nowMs"> & { readonly isUtf8: boolean },
  flags: LsFlags,
): Promise<void> {
  const { client, print, look, nowMs } = deps;
  const hives = (await client.listHives()).toSorted(inOrder);
  const trends = flags.wide && hives.length > 0 ? await trendsOf(client) : undefined;
  if (flags.json)
    return print(JSON.stringify(trends === undefined ? hives : hives.map((hive) => withTrend(hive, trends))));
  if (hives.length === 0) {
    return print("No hives yet. Start this machine's with `hive agent`, or a queen and a hive at once with `hive up`.");
  }
  const skewed = hives.some((hive) => isSkewed(hive));
  const shown = skewed ? [...columns(nowMs()), SKEW] : columns(nowMs());
  const more = trends === undefined ? [] : trendColumns(trends, deps);
  print(table(hives, [...shown, ...fitting(hives, shown, more, look)], look));
}

async function trendsOf(client: Pick<HiveClient, "eachHiveTelemetry">): Promise<Map<string, Trend>> {
  const trends = new Map<string, Trend>();
  const query = { window_ms: TREND_WINDOW_MS, step_ms: TREND_STEP_MS, limit: TREND_PAGE };
  for await (const trend of client.eachHiveTelemetry(query)) trends.set(trend.hive_id, trend);
  return trends;
}

function withTrend(hive: HiveRuntimeState, trends: ReadonlyMap<string, Trend>): object {
  const trend = trends.get(hive.hive_id);
  if (trend === undefined) return hive;
  const { hive_id: _known, ...series } = trend;
  return { ...hive, telemetry: { step_ms: TREND_STEP_MS, ...series } };
}

/** As many of them, from the first on, as the terminal has room for beside the others. */
function fitting(
  hives: readonly HiveRuntimeState[],
  shown: readonly Column<HiveRuntimeState>[],
  more: readonly Column<HiveRuntimeState>[],
  { width }: Look,
): readonly Column<HiveRuntimeState>[] {
  for (let count = more.length; count > 0; count--) {
    const some = more.slice(0, count);
    const lines = width === undefined ? [] : table(hives, [...shown, ...some]).split("\n");
    if (lines.every((line) => displayWidth(line) <= (width ?? 0))) return some;
  }
  return [];
}

function columns(nowMs: number): Column<HiveRuntimeState>[] {
  return [
    { title: "HIVE", value: (hive) => hive.hive_id, shrinks: true },
    {
      title: "STATUS",
      value: (hive) => hive.status,
      paint: (text, hive, paint) =>
        ({ alive: paint.green, suspect: paint.yellow, silent: paint.red })[hive.status]?.(text) ?? text,
    },
    { title: "AGE", align: "right", value: (hive) => duration(nowMs - hive.received_at_ms) },
    { title: "WORKERS", align: "right", value: (hive) => hive.worker_count },
    {
      title: "VRAM USED",
      align: "right",
      value: (hive) => gigabytes(vramUsed(hive)),
    },
    { title: "VRAM FREE", align: "right", value: (hive) => gigabytes(hive.vram_free_gb) },
    { title: "GPUS", align: "right", value: (hive) => hive.devices?.length },
    { title: "VERSION", value: (hive) => hive.version, shrinks: true },
  ];
}

/** The sum over its workers counts those that do not report as nothing, so without a GPU and without a report it is unknown. */
function vramUsed(hive: HiveRuntimeState): number | undefined {
  const reported = hive.workers.some((worker) => worker.vram_bytes !== undefined);
  return reported || (hive.devices ?? []).length > 0 ? hive.vram_used_gb : undefined;
}

const SKEW: Column<HiveRuntimeState> = {
  title: "CLOCK",
  value: (hive) => {
    if (!isSkewed(hive)) return "";
    const skewMs = hive.clock_skew_ms ?? 0;
    return `${duration(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}`;
  },
  paint: (text, _, paint) => paint.yellow(text),
};

const isSkewed = (hive: HiveRuntimeState): boolean => Math.abs(hive.clock_skew_ms ?? 0) > SKEW_SHOWN_MS;

const STATUS_ORDER = { alive: 0, suspect: 1, silent: 2 };

function inOrder(a: HiveRuntimeState, b: HiveRuntimeState): number {
  return (
    STATUS_ORDER[a.status] - STATUS_ORDER[b.status] ||
    (b.vram_free_gb ?? -1) - (a.vram_free_gb ?? -1) ||
    (a.hive_id < b.hive_id ? -1 : 1)
  );
}
