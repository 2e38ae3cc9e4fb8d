import type { HiveRuntimeState } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import { type Column, table } from "../output/table.ts";
import { duration, gigabytes } from "../output/units.ts";

/** A hive's clock that is off by less is not worth a column: the time on the way is in it too. */
export const SKEW_SHOWN_MS = 2_000;

/** `hive ls` lists hives, those that answer first, then most free VRAM first. Exits 0 even when there are none. */
export async function ls(
  { client, print, look, nowMs }: Uses<"listHives", "print" | "look" | "nowMs">,
  flags: JsonFlag,
): Promise<void> {
  const hives = (await client.listHives()).toSorted(inOrder);
  if (flags.json) return print(JSON.stringify(hives));
  if (hives.length === 0) {
    return print("No hives yet. Start this machine's with `hive agent`, or a queen and a hive at once with `hive up`.");
  }
  const skewed = hives.some((hive) => isSkewed(hive));
  print(table(hives, skewed ? [...columns(nowMs()), SKEW] : columns(nowMs()), look));
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
