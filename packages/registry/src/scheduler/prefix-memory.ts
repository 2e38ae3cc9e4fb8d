import { hashText } from "../indexes/hash.ts";

/** Characters of a prompt that are remembered as one piece: about 16 tokens, as inference servers keep their caches. */
const PIECE_CHARACTERS = 64;
/** Of a very long prompt only so many pieces are looked at. */
const PIECES_MAX = 512;

/** Of the workers that saw a piece only the last few are remembered: where one is overloaded, another that knows it takes over. */
export const HOLDERS_MAX = 8;

/** Who saw how many pieces of a prompt. */
export interface PrefixHolder {
  readonly worker: number;
  readonly pieces: number;
}

/**
 * Which workers saw which beginnings of prompts lately. Each piece of a prompt is known by the hash of everything up to its
 * end, so the longest beginning that somebody saw is the last piece that is found. Bounded: the oldest are forgotten.
 */
export class PrefixMemory {
  readonly #max: number;
  /** Of each piece, the one that saw it last first. */
  readonly #seenBy: Map<number, readonly number[]> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** Who saw a part of this beginning, the longest first; of equals the one that saw it last. At most {@link HOLDERS_MAX}. */
  find(model: string, prefixKey: string): PrefixHolder[] {
    const found: (readonly number[])[] = [];
    for (const piece of piecesOf(model, prefixKey)) {
      const workers = this.#seenBy.get(piece);
      if (workers === undefined) break;
      found.push(workers);
    }
    const holders: PrefixHolder[] = [];
    for (let pieces = found.length; pieces > 0; pieces--) {
      for (const worker of found[pieces - 1] as readonly number[]) {
        if (holders.some((known) => known.worker === worker)) continue;
        holders.push({ worker, pieces });
        if (holders.length === HOLDERS_MAX) return holders;
      }
    }
    return holders;
  }

  remember(model: string, prefixKey: string, worker: number): void {
    for (const piece of piecesOf(model, prefixKey)) {
      const before = this.#seenBy.get(piece);
      this.#seenBy.delete(piece);
      this.#seenBy.set(piece, before === undefined ? [worker] : withFirst(worker, before));
    }
    for (const oldest of this.#seenBy.keys()) {
      if (this.#seenBy.size <= this.#max) return;
      this.#seenBy.delete(oldest);
    }
  }
}

function withFirst(worker: number, before: readonly number[]): readonly number[] {
  if (before[0] === worker) return before;
  return [worker, ...before.filter((other) => other !== worker)].slice(0, HOLDERS_MAX);
}

/** A prompt shorter than one piece is a piece of its own. */
function piecesOf(model: string, prefixKey: string): number[] {
  let low = hashText(model);
  let high = hashText(model, 0x9747b28c);
  const count = Math.min(PIECES_MAX, Math.max(1, Math.floor(prefixKey.length / PIECE_CHARACTERS)));
  const pieces = new Array<number>(count);
  for (let at = 0; at < count; at++) {
    const end = Math.min(prefixKey.length, (at + 1) * PIECE_CHARACTERS);
    for (let character = at * PIECE_CHARACTERS; character < end; character++) {
      const code = prefixKey.charCodeAt(character);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x01000193);
    }
    // 53 bits of the two: among a hundred thousand pieces two will not be taken for the same.
    pieces[at] = (low >>> 0) * 2 ** 21 + (high & (2 ** 21 - 1));
  }
  return pieces;
}
