import type { RegistryEvent, RegistrySnapshot } from "@hive-registry/client";
import type { HiveRegistry } from "hive-registry";
import { type HiveRow, hiveRow } from "./hive-row.ts";

/** Sums over all rows. */
export interface FleetSums {
  readonly vram_used_bytes: number;
  readonly vram_total_bytes: number;
  readonly devices: number;
  /** Mean over the devices that tell; undefined when none does. */
  readonly gpu_percent: number | undefined;
}

/**
 * A row for each hive of a registry. Changes are only noted; {@link refresh} makes the rows of those hives anew, so ten
 * heartbeats of a hive between two pictures cost one row.
 */
export class FleetRows {
  readonly #registry: HiveRegistry;
  readonly #rows = new Map<string, HiveRow>();
  readonly #changed = new Set<string>();
  #all = false;
  #sums: FleetSums | undefined;

  constructor(registry: HiveRegistry) {
    this.#registry = registry;
  }

  /** After the registry took it. */
  note(change: RegistryEvent | RegistrySnapshot): void {
    if (change.type === "snapshot") this.#all = true;
    else if ("hive_id" in change) this.#changed.add(change.hive_id);
  }

  /** Returns how many rows are new, gone or made anew. */
  refresh(): number {
    if (this.#all) {
      this.#all = false;
      this.#rows.clear();
      for (const hiveId of this.#registry.listAllHives()) this.#changed.add(hiveId);
    }
    const count = this.#changed.size;
    if (count === 0) return 0;
    for (const hiveId of this.#changed) {
      const state = this.#registry.getHiveState(hiveId);
      if (state === undefined) this.#rows.delete(hiveId);
      else this.#rows.set(hiveId, hiveRow(state));
    }
    this.#changed.clear();
    this.#sums = undefined;
    return count;
  }

  get size(): number {
    return this.#rows.size;
  }

  find(hiveId: string): HiveRow | undefined {
    return this.#rows.get(hiveId);
  }

  /** In no particular order. */
  all(): IterableIterator<HiveRow> {
    return this.#rows.values();
  }

  sums(): FleetSums {
    this.#sums ??= sumsOf(this.#rows.values());
    return this.#sums;
  }
}

function sumsOf(rows: Iterable<HiveRow>): FleetSums {
  let used = 0;
  let total = 0;
  let devices = 0;
  let percent = 0;
  let telling = 0;
  for (const row of rows) {
    // What a machine held that nobody hears any more says nothing about now.
    if (row.status === "silent") continue;
    used += row.vram_used_bytes;
    total += row.vram_total_bytes ?? 0;
    devices += row.gpus.length;
    for (const gpu of row.gpus) {
      if (gpu === undefined) continue;
      percent += gpu;
      telling++;
    }
  }
  return {
    vram_used_bytes: used,
    vram_total_bytes: total,
    devices,
    gpu_percent: telling === 0 ? undefined : percent / telling,
  };
}
