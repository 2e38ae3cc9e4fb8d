import type { DeviceInfo } from "hive-registry";
import type { Catalog } from "./catalog.ts";

/** Changed inventories are written at most this often, ms. */
export const DEVICES_WRITE_INTERVAL_MS = 1_000;
/** Inventories in one write; what is over waits for the next. */
export const INVENTORIES_PER_WRITE_MAX = 100;

/** Keeps in the catalog which devices each hive has. */
export interface DeviceWriter {
  /** What a heartbeat tells of devices. Costs a comparison when they are those that are known. Never throws. */
  noteDevices(id: string, devices: readonly DeviceInfo[]): void;
  /** The record is gone: what was known of it too. */
  forget(id: string): void;
  /** Writes the rest and ends; notes after that are ignored. */
  stop(): void;
}

interface Log {
  warn(fields: object, message: string): void;
}

/**
 * Notes inventories that are new and writes them once a second. What changes all the time (free memory, load) is no part of an inventory.
 * Only the newest of an id waits, so what waits is bounded by the catalog.
 */
export function startDeviceWriter(deps: {
  readonly catalog: Pick<Catalog, "has" | "find" | "setDevices">;
  readonly nowMs: () => number;
  readonly every: (intervalMs: number, run: () => void) => () => void;
  readonly log: Log;
}): DeviceWriter {
  const { catalog, log } = deps;
  const known = new Map<string, readonly DeviceInfo[]>();
  const waiting = new Map<string, readonly DeviceInfo[]>();
  let failing = false;
  let stopped = false;

  const write = (max: number) => {
    try {
      for (const [id, devices] of [...waiting].slice(0, max)) {
        const before = catalog.find(id)?.devices;
        const isThere = before !== undefined && isSameInventory(before, devices);
        if (isThere || catalog.setDevices(id, devices, deps.nowMs())) known.set(id, devices);
        waiting.delete(id);
      }
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error, waiting: waiting.size }, "catalog: inventories wait, it cannot be written");
      failing = true;
    }
  };
  const stopTimer = deps.every(DEVICES_WRITE_INTERVAL_MS, () => write(INVENTORIES_PER_WRITE_MAX));

  return {
    noteDevices(id, devices) {
      if (stopped) return;
      if (!catalog.has(id)) return;
      const newest = waiting.get(id) ?? known.get(id);
      if (newest !== undefined && isSameInventory(newest, devices)) return;
      waiting.set(id, devices.map(inventoryOf));
    },
    forget(id) {
      known.delete(id);
      waiting.delete(id);
    },
    stop() {
      if (stopped) return;
      stopped = true;
      stopTimer();
      write(Number.POSITIVE_INFINITY);
    },
  };
}

const inventoryOf = (device: DeviceInfo): DeviceInfo => ({
  ...device,
  vram_free_bytes: null,
  utilization_percent: null,
  temperature_c: null,
  power_w: null,
});

function isSameInventory(known: readonly DeviceInfo[], devices: readonly DeviceInfo[]): boolean {
  if (known.length !== devices.length) return false;
  for (let at = 0; at < known.length; at++) {
    const a = known[at];
    const b = devices[at];
    if (a === undefined || b === undefined || !isSameDevice(a, b)) return false;
  }
  return true;
}

const isSameDevice = (a: DeviceInfo, b: DeviceInfo): boolean =>
  a.id === b.id &&
  a.name === b.name &&
  a.backend === b.backend &&
  a.vram_total_bytes === b.vram_total_bytes &&
  a.uuid === b.uuid &&
  a.driver === b.driver &&
  a.index === b.index &&
  a.memory === b.memory;
