import { grownCapacity } from "./grow.ts";

/** Numbers in a record where nothing else is said: two records share a cache line. */
const INTS = 8;
const FLOATS = 4;

/** Where a field of a record stands among `Records.ints`: fields 0 to 7, where no float lies. */
export const intAt = (record: number, field: number): number => record * INTS + field;
/** Where a field of a record stands among `Records.floats`: fields 0 to 3, each in the place of two ints. */
export const floatAt = (record: number, field: number): number => record * FLOATS + field;

/**
 * Numbered records of a few numbers each. All that a heartbeat needs of one worker lies side by side: with an array for
 * each field, a million workers would cost a cache miss for each field instead of one for all.
 */
export class Records {
  readonly #width: number;
  /** The same memory twice. Both change when it grows: do not hold on to them over an `add`. */
  ints: Int32Array = new Int32Array(0);
  floats: Float64Array = new Float64Array(0);
  readonly #free: number[] = [];
  #used = 0;

  /** @param width floats in a record; in the place of each may stand two ints. {@link intAt} and {@link floatAt} are for the usual one. */
  constructor(width: number = FLOATS) {
    this.#width = width;
  }

  /** Records there are, in use or not. */
  get size(): number {
    return this.#used;
  }

  /** @returns a number that is not in use; what stands in its fields is left over from before. */
  add(): number {
    return this.#free.pop() ?? this.#next();
  }

  /** Makes room for a record whose number somebody else gave out; `fill` goes into the ints of those that are new. */
  fit(record: number, fill: number): void {
    if (record < this.#used) return;
    const before = this.#used;
    while (record >= this.#used) this.#next();
    this.ints.fill(fill, before * 2 * this.#width, this.#used * 2 * this.#width);
  }

  /** Its number will be given out again. */
  remove(record: number): void {
    this.#free.push(record);
  }

  #next(): number {
    const capacity = this.floats.length / this.#width;
    if (this.#used >= capacity) {
      const grown = new Float64Array(this.#width * grownCapacity(this.#used + 1, capacity));
      grown.set(this.floats);
      this.floats = grown;
      this.ints = new Int32Array(grown.buffer);
    }
    return this.#used++;
  }
}
