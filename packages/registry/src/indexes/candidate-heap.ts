import { grownCapacity, grownFloat64 } from "./grow.ts";
import { intAt, type Records } from "./records.ts";

const NONE = -1;
/** A node of the heap: score, tie, item. Side by side, so that looking at one is one cache miss. */
const NODE = 3;
const TIE = 1;
const ITEM = 2;

/** The field in which each item's record says where it stands in its heap; -1 for nowhere. Many heaps whose items differ can share it. */
export interface HeapPositions {
  readonly records: Records;
  readonly field: number;
}

/** What could be chosen, best first: lowest score, ties by the lower tie-breaker. A 4-ary heap: half as deep as a binary one. */
export class CandidateHeap {
  size = 0;
  readonly #positions: Records;
  readonly #field: number;
  #nodes: Float64Array = new Float64Array(0);

  constructor(positions: HeapPositions) {
    this.#positions = positions.records;
    this.#field = positions.field;
  }

  /** The best item, -1 when there is none. */
  get first(): number {
    return this.size === 0 ? NONE : (this.#nodes[ITEM] as number);
  }

  /** Of the best item; `Infinity` when there is none. */
  get firstScore(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#nodes[0] as number);
  }

  get firstTie(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#nodes[TIE] as number);
  }

  has(item: number): boolean {
    return this.#positions.ints[intAt(item, this.#field)] !== NONE;
  }

  /** Any item, `at` from 0 to `size - 1`, in no particular order. */
  itemAt(at: number): number {
    return this.#nodes[at * NODE + ITEM] as number;
  }

  /** The best item that passes, -1 when none does. Meant for few that do not: it looks at each of those that is better. */
  firstWhere(passes: (item: number) => boolean): number {
    const nodes = this.#nodes;
    const end = this.size * NODE;
    const frontier = end === 0 ? [] : [0];
    while (frontier.length > 0) {
      let best = 0;
      for (let each = 1; each < frontier.length; each++) {
        if (this.#isBefore(frontier[each] as number, frontier[best] as number)) best = each;
      }
      const at = frontier[best] as number;
      const item = nodes[at + ITEM] as number;
      if (passes(item)) return item;
      frontier[best] = frontier[frontier.length - 1] as number;
      frontier.pop();
      const firstChild = at * 4 + NODE;
      for (let child = firstChild; child < Math.min(firstChild + 4 * NODE, end); child += NODE) frontier.push(child);
    }
    return NONE;
  }

  #isBefore(a: number, b: number): boolean {
    const nodes = this.#nodes;
    const [scoreA, scoreB] = [nodes[a] as number, nodes[b] as number];
    return scoreA < scoreB || (scoreA === scoreB && (nodes[a + TIE] as number) < (nodes[b + TIE] as number));
  }

  add(item: number, score: number, tie: number): void {
    const hole = this.size++ * NODE;
    if (hole >= this.#nodes.length) this.#grow();
    this.#settle(hole, item, score, tie);
  }

  /** Gives an item that is in the heap another key. */
  update(item: number, score: number, tie: number): void {
    const at = (this.#positions.ints[intAt(item, this.#field)] as number) * NODE;
    if (this.#nodes[at] === score && this.#nodes[at + TIE] === tie) return;
    this.#settle(at, item, score, tie);
  }

  /** As {@link update}, but only where the new key is better than the one that it has. */
  improve(item: number, score: number, tie: number): void {
    const at = (this.#positions.ints[intAt(item, this.#field)] as number) * NODE;
    const known = this.#nodes[at] as number;
    if (known < score || (known === score && (this.#nodes[at + TIE] as number) <= tie)) return;
    this.#settle(at, item, score, tie);
  }

  /** Whether an item that is in the heap has this key. */
  isAt(item: number, score: number, tie: number): boolean {
    const at = (this.#positions.ints[intAt(item, this.#field)] as number) * NODE;
    return this.#nodes[at] === score && this.#nodes[at + TIE] === tie;
  }

  remove(item: number): void {
    const position = intAt(item, this.#field);
    const at = (this.#positions.ints[position] as number) * NODE;
    this.#positions.ints[position] = NONE;
    const last = --this.size * NODE;
    if (at === last) return;
    const nodes = this.#nodes;
    this.#settle(at, nodes[last + ITEM] as number, nodes[last] as number, nodes[last + TIE] as number);
  }

  /** Puts an item near `hole`, which is free: as far up or down as its key demands. */
  #settle(hole: number, item: number, score: number, tie: number): void {
    const nodes = this.#nodes;
    let at = hole;
    while (at > 0) {
      const parent = ((at / NODE - 1) >> 2) * NODE;
      const parentScore = nodes[parent] as number;
      if (parentScore < score || (parentScore === score && (nodes[parent + TIE] as number) <= tie)) break;
      this.#move(parent, at);
      at = parent;
    }
    if (at === hole) at = this.#sink(at, score, tie);
    this.#put(at, item, score, tie);
  }

  /** Moves better children up into the hole until the key fits. */
  #sink(hole: number, score: number, tie: number): number {
    const nodes = this.#nodes;
    const end = this.size * NODE;
    let at = hole;
    for (;;) {
      const firstChild = at * 4 + NODE;
      const childrenEnd = Math.min(firstChild + 4 * NODE, end);
      let best = at;
      let bestScore = score;
      let bestTie = tie;
      for (let child = firstChild; child < childrenEnd; child += NODE) {
        const childScore = nodes[child] as number;
        if (childScore > bestScore) continue;
        const childTie = nodes[child + TIE] as number;
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
    const nodes = this.#nodes;
    this.#put(to, nodes[from + ITEM] as number, nodes[from] as number, nodes[from + TIE] as number);
  }

  #put(at: number, item: number, score: number, tie: number): void {
    const nodes = this.#nodes;
    nodes[at] = score;
    nodes[at + TIE] = tie;
    nodes[at + ITEM] = item;
    this.#positions.ints[intAt(item, this.#field)] = at / NODE;
  }

  #grow(): void {
    this.#nodes = grownFloat64(this.#nodes, NODE * grownCapacity(this.size, this.#nodes.length / NODE));
  }
}
