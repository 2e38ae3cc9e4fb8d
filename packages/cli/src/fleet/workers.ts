import type { HiveWorker, WorkerInfo } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import { type Column, table } from "../output/table.ts";
import { bytes, percent } from "../output/units.ts";

export interface WorkersFlags extends JsonFlag {
  readonly state?: string;
  readonly model?: string;
  readonly backend?: string;
  readonly hive?: string;
}

/** `hive workers` lists workers by hive and id, filtered by the queen. Exits 0 even when there are none. */
export async function workers(
  { client, print, look }: Uses<"listWorkers", "print" | "look">,
  flags: WorkersFlags,
): Promise<void> {
  const filters = {
    ...(flags.state === undefined ? {} : { state: flags.state }),
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(flags.backend === undefined ? {} : { backend: flags.backend }),
    ...(flags.hive === undefined ? {} : { hive_id: flags.hive }),
  };
  const found = (await client.listWorkers(filters)).toSorted(inOrder);
  if (flags.json) return print(JSON.stringify(found));
  if (found.length > 0) return print(table(found, COLUMNS, look));
  if (Object.keys(filters).length > 0)
    return print("No worker fits. `hive workers` lists all there are; `hive worker start MODEL` starts one.");
  print("No workers yet. Start one with `hive worker start MODEL.gguf`; `hive ls` shows the hives that can run it.");
}

/** What a worker does, and what keeps it from being chosen. */
export function stateOf(worker: WorkerInfo): string {
  const remarks = [worker.draining ? "draining" : "", worker.health_status === "degraded" ? "degraded" : ""];
  return [worker.state, ...remarks.filter((remark) => remark !== "")].join(", ");
}

/** `2/4`: busy of all. */
function slotsOf({ slots_busy, slots_total }: WorkerInfo): string | undefined {
  return slots_total === undefined ? undefined : `${slots_busy ?? "?"}/${slots_total}`;
}

const COLUMNS: readonly Column<HiveWorker>[] = [
  { title: "WORKER", value: ({ worker }) => worker.worker_id, shrinks: true },
  { title: "HIVE", value: ({ hive_id }) => hive_id, shrinks: true },
  {
    title: "STATE",
    value: ({ worker }) => stateOf(worker),
    paint: (text, { worker }, paint) =>
      text === "Idle" ? paint.green(text) : worker.state === "Loading" ? paint.yellow(text) : text,
  },
  { title: "MODEL", value: ({ worker }) => worker.model_id ?? worker.models?.[0], shrinks: true },
  { title: "ENGINE", value: ({ worker }) => worker.engine },
  { title: "BACKEND", value: ({ worker }) => worker.backend },
  { title: "GPU", align: "right", value: ({ worker }) => percent(worker.gpu_percent) },
  { title: "VRAM", align: "right", value: ({ worker }) => bytes(worker.vram_bytes) },
  { title: "SLOTS", align: "right", value: ({ worker }) => slotsOf(worker) },
  { title: "URL", value: ({ worker }) => worker.url, shrinks: true },
];

function inOrder(a: HiveWorker, b: HiveWorker): number {
  if (a.hive_id !== b.hive_id) return a.hive_id < b.hive_id ? -1 : 1;
  return a.worker.worker_id < b.worker.worker_id ? -1 : 1;
}
