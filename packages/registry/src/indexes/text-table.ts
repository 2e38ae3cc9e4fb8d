import { mix } from "./hash.ts";

/** A slot: the hash of the text, then its number and 1; 0 where it is empty. */
const SLOT = 2;
const SLOTS_MIN = 16;
const NONE = -1;

/** A number that nobody can guess, as the hash of a {@link TextTable} needs it. */
export const seedFrom = (random: () => number): number => Math.floor(random() * 2 ** 32);

/**
 * Numbers by text, for as many texts as there are workers. As a `Map`, with fewer looks at memory that lies anywhere: one to
 * a slot, one to where its owner keeps the text, which is where the owner looks next, one to the text. At a million entries
 * each look costs a cache miss, and a `Map` needs one more, and a wider one.
 */
export class TextTable {
  /** A power of two, at most two thirds of them in use. */
  #slots: Int32Array = new Int32Array(SLOTS_MIN * SLOT);
  readonly #textOf: (number: number) => string;
  readonly #seed: number;
  #size = 0;

  /**
   * @param textOf the text of a number that is in the table.
   * @param seed other for each table, so that nobody can think up texts that lie in each other's way.
   */
  constructor(textOf: (number: number) => string, seed: number) {
    this.#textOf = textOf;
    this.#seed = seed | 0;
  }

  get size(): number {
    return this.#size;
  }

  /** -1 for a text that is not there. */
  get(text: string): number {
    const at = this.#find(text, this.#hash(text));
    return at < 0 ? NONE : (this.#slots[at + 1] as number) - 1;
  }

  /** Gives a text this number, in place of the one that it had. */
  set(text: string, number: number): void {
    const hash = this.#hash(text);
    let at = this.#find(text, hash);
    if (at < 0) {
      if (++this.#size * 3 > (this.#slots.length / SLOT) * 2) {
        this.#grow();
        at = this.#find(text, hash);
      }
      at = -1 - at;
    }
    this.#slots[at] = hash;
    this.#slots[at + 1] = number + 1;
  }

  delete(text: string): boolean {
    const at = this.#find(text, this.#hash(text));
    if (at < 0) return false;
    this.#size--;
    this.#close(at);
    return true;
  }

  /** Where the text's slot is; where there is none, -1 less the empty slot that it would get. */
  #find(text: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = (hash * SLOT) & mask; ; at = (at + SLOT) & mask) {
      const number = slots[at + 1] as number;
      if (number === 0) return -1 - at;
      if (slots[at] === hash && this.#textOf(number - 1) === text) return at;
    }
  }

  /** Empties a slot, and moves up those that came behind it only because it was taken. */
  #close(at: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = at;
    for (let next = (hole + SLOT) & mask; slots[next + 1] !== 0; next = (next + SLOT) & mask) {
      const home = ((slots[next] as number) * SLOT) & mask;
      // It may not move before its home.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = slots[next] as number;
      slots[hole + 1] = slots[next + 1] as number;
      hole = next;
    }
    slots[hole + 1] = 0;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    const mask = this.#slots.length - 1;
    for (let from = 0; from < before.length; from += SLOT) {
      if (before[from + 1] === 0) continue;
      let at = ((before[from] as number) * SLOT) & mask;
      while (this.#slots[at + 1] !== 0) at = (at + SLOT) & mask;
      this.#slots[at] = before[from] as number;
      this.#slots[at + 1] = before[from + 1] as number;
    }
  }

  #hash(text: string): number {
    let hash = this.#seed;
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    return mix(hash) | 0;
  }
}
