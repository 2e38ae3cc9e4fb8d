import type { WorkerInfo } from "../types.ts";
import type { WorkerRows } from "./worker-rows.ts";

/**
 * The workers of one hive as they stood at one moment, for whoever was given the hive's state. Made when somebody looks, or
 * when the hive is about to change: most who ask for a hive's state do not look at its workers before the next heartbeat.
 */
export class WorkerList {
  readonly #rows: WorkerRows;
  readonly #numbers: readonly number[];
  #made: readonly WorkerInfo[] | undefined = undefined;

  /** @param numbers of the rows. */
  constructor(rows: WorkerRows, numbers: readonly number[]) {
    this.#rows = rows;
    this.#numbers = numbers;
  }

  /** Frozen, of frozen objects: all who ask get the same. */
  get workers(): readonly WorkerInfo[] {
    this.#made ??= Object.freeze(this.#numbers.map((row) => Object.freeze(this.#rows.copyAt(row))));
    return this.#made;
  }
}

/** An object with an own field `workers`, which is made when somebody looks at it. */
export class HoldsWorkers {
  declare readonly workers: readonly WorkerInfo[];
  readonly #list: WorkerList;

  static readonly #FIELD: PropertyDescriptor = {
    enumerable: true,
    get(this: HoldsWorkers): readonly WorkerInfo[] {
      return this.#list.workers;
    },
  };

  constructor(list: WorkerList) {
    this.#list = list;
  }

  /** To be called once, where the field shall stand among the others. */
  protected defineWorkers(): void {
    // Own, so that spreading, comparing and writing as JSON see it; one function for all, so that all have one shape.
    Object.defineProperty(this, "workers", HoldsWorkers.#FIELD);
  }
}
