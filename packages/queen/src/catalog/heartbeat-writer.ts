import type { CatalogStatus } from "@hive-registry/contract";
import { CATALOG_RECORDS_MAX, type Catalog, type CatalogTouch } from "./catalog.ts";

/** At most one write transaction in this time, for the whole fleet. */
export const WRITE_INTERVAL_MS = 1_000;
/** Records in one write; each takes about 10 µs, and the process does nothing else meanwhile. What is over waits for the next. */
export const RECORDS_PER_WRITE_MAX = 500;

/** Carries what heartbeats tell into the catalog, without a heartbeat ever waiting for the disk. */
export interface HeartbeatWriter {
  /** The hive was heard and is online. Never waits, never throws; costs nothing for a hive without a record. */
  noteHeartbeat(id: string, receivedAtMs: number): void;
  noteStatus(id: string, status: CatalogStatus): void;
  /** Writes all that waits, now. A failure is logged and what waits stays. */
  flush(): void;
  /** Writes the rest and ends; notes after that are ignored. */
  stop(): void;
}

interface Log {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/**
 * Collects notes and writes them once a second. Only the newest note of an id waits, so what waits is bounded by the catalog.
 * Changes of status go before mere times, and the longest waiting first: in a fleet that beats faster than it can be written,
 * each time is some seconds old and no hive is forgotten.
 */
export function startHeartbeatWriter(
  deps: {
    readonly catalog: Pick<Catalog, "has" | "touch">;
    /** Runs `run` every `intervalMs` until the function it returns is called. */
    readonly every: (intervalMs: number, run: () => void) => () => void;
    readonly log: Log;
  },
  options: { readonly intervalMs?: number; readonly recordsPerWriteMax?: number } = {},
): HeartbeatWriter {
  const { catalog, log } = deps;
  const recordsPerWriteMax = options.recordsPerWriteMax ?? RECORDS_PER_WRITE_MAX;
  const changed = new Map<string, CatalogTouch>();
  const heard = new Map<string, CatalogTouch>();
  /** The status last noted of each id that has a record. */
  const statuses = new Map<string, CatalogStatus>();
  let failures = 0;
  let stopped = false;

  const note = (touch: CatalogTouch) => {
    const { id, status } = touch;
    if (stopped) return;
    if (!catalog.has(id)) {
      statuses.delete(id);
      return;
    }
    const before = changed.get(id) ?? heard.get(id);
    const newest = before?.last_heartbeat_ms === undefined ? touch : withNewerTime(touch, before.last_heartbeat_ms);
    if (statuses.get(id) !== status) {
      // Ids that were removed leave theirs behind. Forgetting all costs nothing but the order of the next write.
      if (statuses.size >= CATALOG_RECORDS_MAX) statuses.clear();
      statuses.set(id, status);
      heard.delete(id);
      changed.set(id, newest);
    } else if (changed.has(id)) {
      changed.set(id, newest);
    } else {
      heard.set(id, newest);
    }
  };

  /** @returns whether something may still wait and can be written. */
  const write = (): boolean => {
    const batch = firstOf(recordsPerWriteMax, changed, heard);
    if (batch.length === 0) return false;
    try {
      catalog.touch(batch);
    } catch (error) {
      failures += 1;
      if (failures === 1)
        log.warn({ err: error, waiting: changed.size + heard.size }, "catalog: heartbeats wait, it cannot be written");
      return false;
    }
    if (failures > 0) log.info({ failures }, "catalog: it can be written again");
    failures = 0;
    for (const { id } of batch) if (!changed.delete(id)) heard.delete(id);
    return true;
  };
  const flush = () => {
    while (write());
  };
  const stopTimer = deps.every(options.intervalMs ?? WRITE_INTERVAL_MS, () => void write());

  return {
    noteHeartbeat: (id, receivedAtMs) => note({ id, status: "online", last_heartbeat_ms: receivedAtMs }),
    noteStatus: (id, status) => note({ id, status }),
    flush,
    stop() {
      if (stopped) return;
      stopped = true;
      stopTimer();
      flush();
    },
  };
}

function withNewerTime(touch: CatalogTouch, beforeMs: number): CatalogTouch {
  return { ...touch, last_heartbeat_ms: Math.max(beforeMs, touch.last_heartbeat_ms ?? 0) };
}

function firstOf(max: number, ...queues: readonly ReadonlyMap<string, CatalogTouch>[]): CatalogTouch[] {
  const batch: CatalogTouch[] = [];
  for (const queue of queues) {
    for (const touch of queue.values()) {
      if (batch.length >= max) return batch;
      batch.push(touch);
    }
  }
  return batch;
}
