import { hashText } from "./hash.ts";

/** Characters of a prompt that are remembered as one piece: about 16 tokens, as inference servers keep their caches. */
const PIECE_CHARACTERS = 64;
/** Of a very long prompt only so many pieces are looked at. */
const PIECES_MAX = 512;

/** Who saw how many pieces of a prompt. */
export interface PrefixHolder {
  readonly worker: number;
  readonly pieces: number;
}

/**
 * Which worker saw which beginnings of prompts lately. Each piece of a prompt is known by the hash of everything up to its
 * end, so the longest beginning that somebody saw is the last piece that is found. Bounded: the oldest are forgotten.
 */
export class PrefixMemory {
  readonly #max: number;
  readonly #seenBy: Map<number, number> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** The worker that saw the longest part of this beginning; undefined when none did. */
  find(model: string, prefixKey: string): PrefixHolder | undefined {
    let worker = -1;
    let found = 0;
    for (const piece of piecesOf(model, prefixKey)) {
      const holder = this.#seenBy.get(piece);
      if (holder === undefined) break;
      worker = holder;
      found++;
    }
    return found === 0 ? undefined : { worker, pieces: found };
  }

  remember(model: string, prefixKey: string, worker: number): void {
    for (const piece of piecesOf(model, prefixKey)) {
      this.#seenBy.delete(piece);
      this.#seenBy.set(piece, worker);
    }
    for (const oldest of this.#seenBy.keys()) {
      if (this.#seenBy.size <= this.#max) return;
      this.#seenBy.delete(oldest);
    }
  }
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
