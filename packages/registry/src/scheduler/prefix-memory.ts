import { hashText } from "./hash.ts";

/** Characters of a prompt that are remembered as one piece: about 16 tokens, as inference servers keep their caches. */
const PIECE_CHARACTERS = 64;
/** Of a very long prompt only so many pieces are looked at. */
const PIECES_MAX = 512;

/**
 * Which worker saw which beginnings of prompts lately. Each piece of a prompt is known by the hash of everything up to its
 * end, so the longest beginning that somebody saw is the last piece that is found. Bounded: the oldest are forgotten.
 */
export class PrefixMemory {
  readonly #max: number;
  readonly #seenBy: Map<number, string> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** The worker that saw the longest part of this beginning; undefined when none did. */
  find(model: string, prefixKey: string): string | undefined {
    let found: string | undefined;
    for (const piece of pieces(model, prefixKey)) {
      const worker = this.#seenBy.get(piece);
      if (worker === undefined) return found;
      found = worker;
    }
    return found;
  }

  remember(model: string, prefixKey: string, worker: string): void {
    for (const piece of pieces(model, prefixKey)) {
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
function* pieces(model: string, prefixKey: string): Generator<number> {
  let low = hashText(model);
  let high = hashText(model, 0x9747b28c);
  const count = Math.min(PIECES_MAX, Math.max(1, Math.floor(prefixKey.length / PIECE_CHARACTERS)));
  for (let at = 0; at < count; at++) {
    const piece = prefixKey.slice(at * PIECE_CHARACTERS, (at + 1) * PIECE_CHARACTERS);
    low = hashText(piece, low);
    high = hashText(piece, high);
    // 53 bits of the two: among a hundred thousand pieces two will not be taken for the same.
    yield low * 2 ** 21 + (high & (2 ** 21 - 1));
  }
}
