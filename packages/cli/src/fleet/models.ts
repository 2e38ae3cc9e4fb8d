import type { ModelSummary } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import { type Column, table } from "../output/table.ts";

/** `hive models` lists what can be asked for, by name. Exits 0 even when there is nothing. */
export async function models(
  { client, print, look }: Uses<"models", "print" | "look">,
  flags: JsonFlag,
): Promise<void> {
  const known = (await client.models()).toSorted((a, b) => (a.model < b.model ? -1 : 1));
  if (flags.json) return print(JSON.stringify(known));
  if (known.length === 0) return print("No models yet. A worker brings one: `hive worker start MODEL.gguf`.");
  print(table(known, COLUMNS, look));
}

const COLUMNS: readonly Column<ModelSummary>[] = [
  { title: "MODEL", value: (model) => model.model, shrinks: true },
  { title: "WORKERS", align: "right", value: (model) => model.workers },
  { title: "IDLE", align: "right", value: (model) => model.idle_workers },
  { title: "HIVES", align: "right", value: (model) => model.hives },
  { title: "SLOTS FREE", align: "right", value: (model) => model.slots_free },
];
