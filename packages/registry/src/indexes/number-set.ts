import { grownCapacity, grownInt32 } from "./grow.ts";

/** Numbers that one word of bits tells of. */
const BITS = 32;

/**
 * A set of small numbers as bits, and above them bits that say where some are: a million lie in the processor's own memory, so
 * that taking one in or out never waits, and listing them costs their number.
 */
export class NumberSet {
  #words: Int32Array = new Int32Array(0);
  /** A bit for each word that is not empty. */
  #filled: Int32Array = new Int32Array(0);

  add(number: number): void {
    const word = Math.floor(number / BITS);
    if (word >= this.#words.length) this.#grow(word + 1);
    this.#words[word] = (this.#words[word] as number) | (1 << (number % BITS));
    const above = Math.floor(word / BITS);
    this.#filled[above] = (this.#filled[above] as number) | (1 << (word % BITS));
  }

  delete(number: number): void {
    const word = Math.floor(number / BITS);
    if (word >= this.#words.length) return;
    const left = (this.#words[word] as number) & ~(1 << (number % BITS));
    this.#words[word] = left;
    if (left !== 0) return;
    const above = Math.floor(word / BITS);
    this.#filled[above] = (this.#filled[above] as number) & ~(1 << (word % BITS));
  }

  /** Smallest first. Those that come or go meanwhile may be given or not. */
  *values(): Generator<number> {
    for (let above = 0; above < this.#filled.length; above++) {
      for (let filled = this.#filled[above] as number; filled !== 0; filled &= filled - 1) {
        const word = above * BITS + lowestBit(filled);
        for (let bits = this.#words[word] as number; bits !== 0; bits &= bits - 1) yield word * BITS + lowestBit(bits);
      }
    }
  }

  #grow(words: number): void {
    this.#words = grownInt32(this.#words, grownCapacity(words, this.#words.length));
    this.#filled = grownInt32(this.#filled, Math.ceil(this.#words.length / BITS));
  }
}

/** The number of the lowest bit that is set. */
const lowestBit = (bits: number): number => BITS - 1 - Math.clz32(bits & -bits);
