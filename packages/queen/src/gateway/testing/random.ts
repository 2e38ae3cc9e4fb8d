/** A story's chance: the same from the same seed. */
export interface Chance {
  /** 0 to 1, without 1. */
  next(): number;
  /** True in so many of a hundred cases. */
  percent(share: number): boolean;
  /** From 0, below `end`. */
  below(end: number): number;
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32: 32 bits of state, good enough for stories. */
export function aChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return { next, below, percent: (share) => next() * 100 < share, pick: (from) => from[below(from.length)] as never };
}
