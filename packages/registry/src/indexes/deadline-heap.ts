/** What has to be looked at when its time has come. The two fields are the heap's own. */
export interface Due {
  checkAtMs: number;
  /** -1: not in a heap. */
  deadlinePosition: number;
}

/**
 * What is due, soonest first. A deadline that only moves further away need not touch the heap: what comes up early is looked
 * at and put back. So a hive's heartbeat costs nothing here, and the hive comes up about once in 2.5 intervals.
 */
export class DeadlineHeap<Item extends Due> {
  readonly #items: Item[] = [];

  /** What to look at first, when it is due. */
  due(nowMs: number): Item | undefined {
    const first = this.#items[0];
    return first !== undefined && first.checkAtMs <= nowMs ? first : undefined;
  }

  /** When something may be due next; `Infinity` when nothing is. */
  get firstMs(): number {
    return this.#items[0]?.checkAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether it is in this heap, and not in another one. */
  has(item: Item): boolean {
    return item.deadlinePosition !== -1 && this.#items[item.deadlinePosition] === item;
  }

  /** How many are due. Costs the answer. */
  countDue(nowMs: number): number {
    const visit = (at: number): number =>
      (this.#items[at]?.checkAtMs ?? Number.POSITIVE_INFINITY) <= nowMs ? 1 + visit(2 * at + 1) + visit(2 * at + 2) : 0;
    return visit(0);
  }

  /** Makes sure that it comes up at `checkAtMs` or before; `exactly` also moves it back. */
  schedule(item: Item, checkAtMs: number, exactly: boolean): void {
    if (checkAtMs === Number.POSITIVE_INFINITY) {
      this.remove(item);
      return;
    }
    if (item.deadlinePosition === -1) {
      item.checkAtMs = checkAtMs;
      this.#items.push(item);
      item.deadlinePosition = this.#items.length - 1;
      this.#up(item);
    } else if (checkAtMs < item.checkAtMs) {
      item.checkAtMs = checkAtMs;
      this.#up(item);
    } else if (exactly) {
      item.checkAtMs = checkAtMs;
      this.#down(item);
    }
  }

  remove(item: Item): void {
    const at = item.deadlinePosition;
    if (!this.has(item)) return;
    item.deadlinePosition = -1;
    const last = this.#items.pop() as Item;
    if (last === item) return;
    this.#put(last, at);
    this.#up(last);
    this.#down(last);
  }

  #up(item: Item): void {
    let at = item.deadlinePosition;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#items[parentAt] as Item;
      if (parent.checkAtMs <= item.checkAtMs) break;
      this.#put(parent, at);
      at = parentAt;
    }
    this.#put(item, at);
  }

  #down(item: Item): void {
    let at = item.deadlinePosition;
    for (;;) {
      let childAt = at * 2 + 1;
      if (childAt >= this.#items.length) break;
      const right = this.#items[childAt + 1];
      if (right !== undefined && right.checkAtMs < (this.#items[childAt] as Item).checkAtMs) childAt++;
      const child = this.#items[childAt] as Item;
      if (child.checkAtMs >= item.checkAtMs) break;
      this.#put(child, at);
      at = childAt;
    }
    this.#put(item, at);
  }

  #put(item: Item, at: number): void {
    this.#items[at] = item;
    item.deadlinePosition = at;
  }
}
