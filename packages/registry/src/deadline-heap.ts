import type { HiveRecord } from "./hive-record.ts";

/**
 * Hives by when time alone may change their status, soonest first. A heartbeat that only moves the deadline further away
 * does not touch the heap: whoever comes up early is looked at and put back, about once in 2.5 intervals.
 */
export class DeadlineHeap {
  readonly #hives: HiveRecord[] = [];

  /** The hive to look at first, when it is due. */
  due(nowMs: number): HiveRecord | undefined {
    const first = this.#hives[0];
    return first !== undefined && first.checkAtMs <= nowMs ? first : undefined;
  }

  /** Makes sure that the hive comes up at `checkAtMs` or before; `exactly` also moves it back. */
  schedule(hive: HiveRecord, checkAtMs: number, exactly: boolean): void {
    if (checkAtMs === Number.POSITIVE_INFINITY) {
      this.remove(hive);
      return;
    }
    if (hive.deadlinePosition === -1) {
      hive.checkAtMs = checkAtMs;
      this.#hives.push(hive);
      hive.deadlinePosition = this.#hives.length - 1;
      this.#up(hive);
    } else if (checkAtMs < hive.checkAtMs) {
      hive.checkAtMs = checkAtMs;
      this.#up(hive);
    } else if (exactly) {
      hive.checkAtMs = checkAtMs;
      this.#down(hive);
    }
  }

  remove(hive: HiveRecord): void {
    const at = hive.deadlinePosition;
    if (at === -1) return;
    hive.deadlinePosition = -1;
    const last = this.#hives.pop() as HiveRecord;
    if (last === hive) return;
    this.#put(last, at);
    this.#up(last);
    this.#down(last);
  }

  #up(hive: HiveRecord): void {
    let at = hive.deadlinePosition;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#hives[parentAt] as HiveRecord;
      if (parent.checkAtMs <= hive.checkAtMs) break;
      this.#put(parent, at);
      at = parentAt;
    }
    this.#put(hive, at);
  }

  #down(hive: HiveRecord): void {
    let at = hive.deadlinePosition;
    for (;;) {
      let childAt = at * 2 + 1;
      if (childAt >= this.#hives.length) break;
      const right = this.#hives[childAt + 1];
      if (right !== undefined && right.checkAtMs < (this.#hives[childAt] as HiveRecord).checkAtMs) childAt++;
      const child = this.#hives[childAt] as HiveRecord;
      if (child.checkAtMs >= hive.checkAtMs) break;
      this.#put(child, at);
      at = childAt;
    }
    this.#put(hive, at);
  }

  #put(hive: HiveRecord, at: number): void {
    this.#hives[at] = hive;
    hive.deadlinePosition = at;
  }
}
