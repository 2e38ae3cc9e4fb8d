import { grownCapacity, grownFloat64 } from "../indexes/grow.ts";
import { TextTable } from "../indexes/text-table.ts";
import type { HiveRecord } from "./hive-record.ts";

/** Every hive by its id. What is asked of one most often, whether it is online, lies in a column of numbers. */
export class HiveTable {
  readonly #numbers: TextTable;
  readonly #records: (HiveRecord | undefined)[] = [];
  readonly #free: number[] = [];
  /** By number: when it was heard, ms; never for one that said goodbye. */
  #heardAtMs: Float64Array = new Float64Array(0);
  /** In the order in which they came. */
  readonly #inOrder: Set<HiveRecord> = new Set();

  constructor(seed: number) {
    this.#numbers = new TextTable(seed);
  }

  get size(): number {
    return this.#inOrder.size;
  }

  find(hiveId: string): HiveRecord | undefined {
    const number = this.#numbers.get(hiveId);
    return number === -1 ? undefined : this.#records[number];
  }

  /** In the order in which they came. Hives may be removed meanwhile. */
  values(): IterableIterator<HiveRecord> {
    return this.#inOrder.values();
  }

  add(hive: HiveRecord): void {
    const number = this.#free.pop() ?? this.#records.length;
    if (number >= this.#heardAtMs.length)
      this.#heardAtMs = grownFloat64(this.#heardAtMs, grownCapacity(number + 1, this.#heardAtMs.length));
    hive.number = number;
    this.#records[number] = hive;
    this.#numbers.set(hive.hiveId, number);
    this.#inOrder.add(hive);
    this.heard(hive);
  }

  /** It was heard, or said goodbye. */
  heard(hive: HiveRecord): void {
    this.#heardAtMs[hive.number] = hive.goodbye ? Number.NEGATIVE_INFINITY : hive.receivedAtMs;
  }

  remove(hive: HiveRecord): void {
    this.#numbers.delete(hive.hiveId);
    this.#records[hive.number] = undefined;
    this.#free.push(hive.number);
    this.#inOrder.delete(hive);
  }

  /** Heard less than `maxAgeMs` ago, and not to say goodbye. */
  isOnline(hiveId: string, maxAgeMs: number, nowMs: number): boolean {
    const number = this.#numbers.get(hiveId);
    return number !== -1 && nowMs - (this.#heardAtMs[number] as number) < maxAgeMs;
  }
}
