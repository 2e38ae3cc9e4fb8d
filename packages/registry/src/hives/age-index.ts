import type { HiveRecord } from "./hive-record.ts";

/** How much time one bucket holds, ms. */
const BUCKET_MS = 1_000;

/** The hives that were heard within one second, in no particular order. */
export interface AgeBucket {
  readonly key: number;
  readonly hives: HiveRecord[];
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
      bucket = { key, hives: [] };
      this.#buckets.set(key, bucket);
    }
    hive.bucket = bucket;
    hive.bucketPosition = bucket.hives.length;
    bucket.hives.push(hive);
  }

  remove(hive: HiveRecord): void {
    const bucket = hive.bucket;
    if (bucket === undefined) return;
    hive.bucket = undefined;
    const last = bucket.hives.pop() as HiveRecord;
    if (last !== hive) {
      bucket.hives[hive.bucketPosition] = last;
      last.bucketPosition = hive.bucketPosition;
    }
    if (bucket.hives.length === 0) this.#buckets.delete(bucket.key);
  }

  /** Hives heard strictly after `afterMs`, in no particular order. */
  *heardAfter(afterMs: number, nowMs: number): Generator<HiveRecord> {
    for (const { hives } of this.#bucketsBetween(Math.floor(afterMs / BUCKET_MS), Math.floor(nowMs / BUCKET_MS))) {
      for (const hive of hives) if (hive.receivedAtMs > afterMs) yield hive;
    }
  }

  /** Hives heard at `untilMs` or before, oldest first. They may be removed meanwhile. */
  *oldestFirst(untilMs: number): Generator<HiveRecord> {
    const highest = Math.floor(untilMs / BUCKET_MS);
    const keys = [...this.#buckets.keys()].filter((key) => key <= highest).sort((a, b) => a - b);
    for (const key of keys) {
      const hives = this.#buckets.get(key)?.hives.filter((hive) => hive.receivedAtMs <= untilMs) ?? [];
      yield* hives.sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    }
  }

  /** By asking for each second or by looking at all buckets, whichever is less. */
  *#bucketsBetween(lowest: number, highest: number): Generator<AgeBucket> {
    if (highest - lowest > this.#buckets.size) {
      for (const bucket of this.#buckets.values()) if (bucket.key >= lowest) yield bucket;
      return;
    }
    for (let key = lowest; key <= highest; key++) {
      const bucket = this.#buckets.get(key);
      if (bucket !== undefined) yield bucket;
    }
  }
}
