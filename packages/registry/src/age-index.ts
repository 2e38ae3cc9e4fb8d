import type { HiveRecord } from "./hive-record.ts";

/** How much time one bucket holds, ms. */
const BUCKET_MS = 1_000;

/** The hives that were heard within one second. */
export interface AgeBucket {
  readonly key: number;
  newest: HiveRecord | undefined;
}

/**
 * Hives by when they were heard. A heartbeat moves one in O(1), whatever its timestamp; "who was heard within …" costs
 * the answer and one bucket. A sorted list would be simpler and would crawl as soon as timestamps come out of order.
 */
export class AgeIndex {
  readonly #buckets: Map<number, AgeBucket> = new Map();

  place(hive: HiveRecord): void {
    const key = Math.floor(hive.receivedAtMs / BUCKET_MS);
    if (hive.bucket?.key === key) return;
    this.remove(hive);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { key, newest: undefined };
      this.#buckets.set(key, bucket);
    }
    hive.bucket = bucket;
    hive.older = bucket.newest;
    if (bucket.newest !== undefined) bucket.newest.newer = hive;
    bucket.newest = hive;
  }

  remove(hive: HiveRecord): void {
    const bucket = hive.bucket;
    if (bucket === undefined) return;
    if (hive.newer === undefined) bucket.newest = hive.older;
    else hive.newer.older = hive.older;
    if (hive.older !== undefined) hive.older.newer = hive.newer;
    hive.newer = undefined;
    hive.older = undefined;
    hive.bucket = undefined;
    if (bucket.newest === undefined) this.#buckets.delete(bucket.key);
  }

  /** Hives heard strictly after `afterMs`, in no particular order. */
  *heardAfter(afterMs: number, nowMs: number): Generator<HiveRecord> {
    const lowest = Math.floor(afterMs / BUCKET_MS);
    const highest = Math.floor(nowMs / BUCKET_MS);
    if (highest - lowest <= this.#buckets.size) {
      for (let key = lowest; key <= highest; key++) yield* after(this.#buckets.get(key), afterMs);
    } else {
      for (const bucket of this.#buckets.values()) if (bucket.key >= lowest) yield* after(bucket, afterMs);
    }
  }

  /** Hives heard at `untilMs` or before, oldest first. */
  *oldestFirst(untilMs: number): Generator<HiveRecord> {
    const highest = Math.floor(untilMs / BUCKET_MS);
    const keys = [...this.#buckets.keys()].filter((key) => key <= highest).sort((a, b) => a - b);
    for (const key of keys) {
      const hives: HiveRecord[] = [];
      for (let hive = this.#buckets.get(key)?.newest; hive !== undefined; hive = hive.older) {
        if (hive.receivedAtMs <= untilMs) hives.push(hive);
      }
      yield* hives.sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    }
  }
}

function* after(bucket: AgeBucket | undefined, afterMs: number): Generator<HiveRecord> {
  for (let hive = bucket?.newest; hive !== undefined; hive = hive.older) if (hive.receivedAtMs > afterMs) yield hive;
}
