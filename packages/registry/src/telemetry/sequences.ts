/** So far back a heartbeat that was overtaken is still known to be late, not lost. */
const LATE_MAX = 32;

/** What a number says: how many before it did not come, or that it is one of those. */
export type Told = number;

/**
 * Which numbers of one start of a hive came. A number that is skipped is lost; one that comes after all was late, and counts once,
 * however often it comes.
 */
export class Sequences {
  readonly #boots: (string | undefined)[] = [];
  #last: Float64Array = new Float64Array(64);
  /** Bit i: the last number less i has come. */
  #came: Uint32Array = new Uint32Array(64);

  get bytes(): number {
    return this.#last.byteLength + this.#came.byteLength;
  }

  clear(seat: number): void {
    this.#boots[seat] = undefined;
    if (seat < this.#last.length) return;
    this.#last = grown(this.#last, new Float64Array(this.#last.length * 2));
    this.#came = grown(this.#came, new Uint32Array(this.#came.length * 2));
  }

  bootOf(seat: number): string | undefined {
    return this.#boots[seat];
  }

  /** @returns how many were lost just before it; -1: it was counted as lost, and comes after all. */
  take(seat: number, bootId: string, seq: number): Told {
    if (this.#boots[seat] !== bootId) {
      this.#boots[seat] = bootId;
      this.#last[seat] = seq;
      // What came before the first that is heard is nobody's loss.
      this.#came[seat] = 0xffff_ffff;
      return 0;
    }
    const steps = seq - (this.#last[seat] as number);
    const came = this.#came[seat] as number;
    if (steps > 0) {
      this.#last[seat] = seq;
      this.#came[seat] = steps >= LATE_MAX ? 1 : (came << steps) | 1;
      return steps - 1;
    }
    const bit = -steps >= LATE_MAX ? 0 : 1 << -steps;
    if (bit === 0 || (came & bit) !== 0) return 0;
    this.#came[seat] = came | bit;
    return -1;
  }
}

function grown<Numbers extends Float64Array | Uint32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
