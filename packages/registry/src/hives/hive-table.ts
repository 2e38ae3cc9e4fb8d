import { Records } from "../indexes/records.ts";
import { TextTable } from "../indexes/text-table.ts";
import { HIVE_FLOATS, HiveRecord, ONLINE_AT_MS } from "./hive-record.ts";

/** Of each number, beside each other: the hive's id and its record. */
const CELLS = 2;

/** Every hive by its id. */
export class HiveTable {
  readonly #numberOf: TextTable;
  readonly #numbers: Records = new Records(HIVE_FLOATS);
  readonly #cells: (string | HiveRecord | undefined)[] = [];
  /** Kept so that reading it cannot be left out. */
  ahead = 0;
  /** In the order in which they came. */
  readonly #inOrder: Set<HiveRecord> = new Set();

  constructor(seed: number) {
    this.#numberOf = new TextTable((number) => this.#idAhead(number), seed);
  }

  get size(): number {
    return this.#inOrder.size;
  }

  find(hiveId: string): HiveRecord | undefined {
    const number = this.#numberOf.get(hiveId);
    return number === -1 ? undefined : (this.#cells[number * CELLS + 1] as HiveRecord);
  }

  /** In the order in which they came. Hives may be removed meanwhile. */
  values(): IterableIterator<HiveRecord> {
    return this.#inOrder.values();
  }

  /** A hive that was not there. */
  add(hiveId: string): HiveRecord {
    const number = this.#numbers.add();
    const hive = new HiveRecord(hiveId, this.#numbers, number);
    while (this.#cells.length <= number * CELLS + 1) this.#cells.push(undefined);
    this.#cells[number * CELLS] = hiveId;
    this.#cells[number * CELLS + 1] = hive;
    this.#numberOf.set(hiveId, number);
    this.#inOrder.add(hive);
    return hive;
  }

  /** It was heard, or said goodbye. */
  heard(hive: HiveRecord): void {
    this.#numbers.floats[hive.number * HIVE_FLOATS + ONLINE_AT_MS] = hive.goodbye
      ? Number.NEGATIVE_INFINITY
      : hive.receivedAtMs;
  }

  remove(hive: HiveRecord): void {
    this.#numberOf.delete(hive.hiveId);
    this.#cells[hive.number * CELLS] = undefined;
    this.#cells[hive.number * CELLS + 1] = undefined;
    this.#numbers.remove(hive.number);
    this.#inOrder.delete(hive);
  }

  /**
   * The id of a hive that is being looked for. What is needed next when it is the right one is read already: reads at places
   * anywhere in memory cost a cache miss each, and as much together as one when none waits for another.
   */
  #idAhead(number: number): string {
    const hive = this.#cells[number * CELLS + 1] as HiveRecord;
    this.ahead = (this.#numbers.ints[number * 2 * HIVE_FLOATS] as number) ^ hive.bucketPosition;
    return this.#cells[number * CELLS] as string;
  }

  /** Heard less than `maxAgeMs` ago, and not to say goodbye. */
  isOnline(hiveId: string, maxAgeMs: number, nowMs: number): boolean {
    const number = this.#numberOf.get(hiveId);
    return number !== -1 && nowMs - (this.#numbers.floats[number * HIVE_FLOATS + ONLINE_AT_MS] as number) < maxAgeMs;
  }
}
