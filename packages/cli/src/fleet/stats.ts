import type { JsonFlag, Uses } from "../deps.ts";
import { type Column, table } from "../output/table.ts";
import { duration, gigabytes } from "../output/units.ts";

interface Line {
  readonly name: string;
  readonly value: string;
}

/** `hive stats` sums the fleet up. */
export async function stats(
  { client, print, look, nowMs }: Uses<"stats", "print" | "look" | "nowMs">,
  flags: JsonFlag,
): Promise<void> {
  const now = await client.stats();
  if (flags.json) return print(JSON.stringify(now));
  const { hives, workers } = now;
  const lines: Line[] = [
    { name: "hives", value: `${hives.total} (${hives.alive} alive, ${hives.suspect} suspect, ${hives.silent} silent)` },
    {
      name: "workers",
      value: `${workers.total} (${workers.idle} idle, ${workers.busy} busy, ${workers.loading} loading)`,
    },
    { name: "backends", value: tally(workers.by_backend) },
    { name: "models", value: tally(workers.by_model) },
    { name: "VRAM used", value: gigabytes(now.vram_used_gb) ?? "-" },
    { name: "RAM used", value: gigabytes(now.ram_used_gb) ?? "-" },
    { name: "heartbeats", value: `${now.heartbeats_per_second.toFixed(1)} a second` },
    { name: "watchers", value: String(now.watchers) },
    { name: "queen up for", value: duration(now.uptime_ms) },
  ];
  print(table(lines, COLUMNS, look));
  const { frozen_until_ms, held_back } = now.liveness;
  if (frozen_until_ms !== undefined) {
    const left = duration(frozen_until_ms - nowMs());
    print(`\nMost of the fleet fell silent together: nobody is forgotten for ${left} at most (${held_back} would be).`);
    print("Look at the queen's own network first. If they are really gone: hive evict");
  }
  if (hives.total === 0) print("\nNo hives yet. Start this machine's with `hive agent`.");
}

const COLUMNS: readonly Column<Line>[] = [
  { title: "FLEET", value: (line) => line.name },
  { title: "", value: (line) => line.value, shrinks: true },
];

/** Most first. */
function tally(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return sorted.length === 0 ? "none" : sorted.map(([name, count]) => `${name} ${count}`).join(", ");
}
