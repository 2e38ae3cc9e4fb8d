import { grownCapacity, grownFloat64, grownInt32 } from "./grow.ts";

/** Where each item stands in its heap, -1 for none. Kept outside, so that many heaps whose items differ share one column. */
export interface HeapPositions {
  column: Int32Array;
}

/**
 * What could be chosen, best first: lowest score, ties by the lower tie-breaker. A 4-ary heap whose keys lie side by side
 * (score, tie, score, tie …), so that the four children of a node are one cache line even among a million.
 */
export class CandidateHeap {
  size = 0;
  readonly #positions: HeapPositions;
  #items: Int32Array = new Int32Array(0);
  #keys: Float64Array = new Float64Array(0);

  constructor(positions: HeapPositions) {
    this.#positions = positions;
  }

  /** The best item, -1 when there is none. */
  get first(): number {
    return this.size === 0 ? -1 : (this.#items[0] as number);
  }

  /** Of the best item; `Infinity` when there is none. */
  get firstScore(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#keys[0] as number);
  }

  get firstTie(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#keys[1] as number);
  }

  /** Also false for an item that no heap of this column ever had. */
  has(item: number): boolean {
    return (this.#positions.column[item] ?? -1) !== -1;
  }

  /** Any item, `at` from 0 to `size - 1`, in no particular order. */
  itemAt(at: number): number {
    return this.#items[at] as number;
  }

  /** The best item that passes, -1 when none does. Meant for few that do not: it looks at each of those that is better. */
  firstWhere(passes: (item: number) => boolean): number {
    const frontier = this.size === 0 ? [] : [0];
    while (frontier.length > 0) {
      let best = 0;
      for (let each = 1; each < frontier.length; each++) {
        if (this.#isBefore(frontier[each] as number, frontier[best] as number)) best = each;
      }
      const at = frontier[best] as number;
      const item = this.#items[at] as number;
      if (passes(item)) return item;
      frontier[best] = frontier[frontier.length - 1] as number;
      frontier.pop();
      const firstChild = at * 4 + 1;
      for (let child = firstChild; child < Math.min(firstChild + 4, this.size); child++) frontier.push(child);
    }
    return -1;
  }

  #isBefore(a: number, b: number): boolean {
    const scoreA = this.#keys[2 * a] as number;
    const scoreB = this.#keys[2 * b] as number;
    return (
      scoreA < scoreB || (scoreA === scoreB && (this.#keys[2 * a + 1] as number) < (this.#keys[2 * b + 1] as number))
    );
  }

  add(item: number, score: number, tie: number): void {
    const at = this.size++;
    if (at >= this.#items.length) this.#grow();
    this.#settle(at, item, score, tie);
  }

  /** Gives an item that is in the heap another key. */
  update(item: number, score: number, tie: number): void {
    const at = this.#positions.column[item] as number;
    if (this.#keys[2 * at] === score && this.#keys[2 * at + 1] === tie) return;
    this.#settle(at, item, score, tie);
  }

  remove(item: number): void {
    const at = this.#positions.column[item] as number;
    this.#positions.column[item] = -1;
    const last = --this.size;
    if (at === last) return;
    this.#settle(at, this.#items[last] as number, this.#keys[2 * last] as number, this.#keys[2 * last + 1] as number);
  }

  /** Puts an item near `hole`, which is free: as far up or down as its key demands. */
  #settle(hole: number, item: number, score: number, tie: number): void {
    const keys = this.#keys;
    let at = hole;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const parentScore = keys[2 * parent] as number;
      if (parentScore < score || (parentScore === score && (keys[2 * parent + 1] as number) <= tie)) break;
      this.#move(parent, at);
      at = parent;
    }
    if (at === hole) at = this.#sink(at, score, tie);
    this.#items[at] = item;
    keys[2 * at] = score;
    keys[2 * at + 1] = tie;
    this.#positions.column[item] = at;
  }

  /** Moves better children up into the hole until the key fits. */
  #sink(hole: number, score: number, tie: number): number {
    const keys = this.#keys;
    let at = hole;
    for (;;) {
      const firstChild = at * 4 + 1;
      if (firstChild >= this.size) return at;
      const end = Math.min(firstChild + 4, this.size);
      let best = at;
      let bestScore = score;
      let bestTie = tie;
      for (let child = firstChild; child < end; child++) {
        const childScore = keys[2 * child] as number;
        if (childScore > bestScore) continue;
        const childTie = keys[2 * child + 1] as number;
        if (childScore === bestScore && childTie >= bestTie) continue;
        best = child;
        bestScore = childScore;
        bestTie = childTie;
      }
      if (best === at) return at;
      this.#move(best, at);
      at = best;
    }
  }

  #move(from: number, to: number): void {
    const item = this.#items[from] as number;
    this.#items[to] = item;
    this.#keys[2 * to] = this.#keys[2 * from] as number;
    this.#keys[2 * to + 1] = this.#keys[2 * from + 1] as number;
    this.#positions.column[item] = to;
  }

  #grow(): void {
    const capacity = grownCapacity(this.size, this.#items.length);
    this.#items = grownInt32(this.#items, capacity);
    this.#keys = grownFloat64(this.#keys, 2 * capacity);
  }
}
