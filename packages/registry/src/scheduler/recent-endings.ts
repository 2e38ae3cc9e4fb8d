/**
 * How old a report may be when it arrives, ms: a worker tells its hive, and the hive tells the queen 20 ms later, or when a
 * busy machine comes to it.
 */
export const REPORT_DELAY_MS = 150;
/** More endings within that time than are kept are of many workers: each of their reports is off by less than one. */
const KEPT_MAX = 1_024;
const NOBODY = -1;

/**
 * The places that were given back a moment ago, by worker. A report that arrives now may still count their requests; without
 * this they would look like somebody else's until the next report. Counted by row, for every report of every worker asks.
 */
export class RecentEndings {
  /** A ring, oldest first. */
  readonly #rows: Int32Array = new Int32Array(KEPT_MAX);
  readonly #atMs: Float64Array = new Float64Array(KEPT_MAX);
  #oldest = 0;
  #size = 0;
  readonly #counts: Map<number, number> = new Map();

  add(row: number, nowMs: number): void {
    this.#forgetOld(nowMs);
    if (this.#size === KEPT_MAX) this.#forgetOldest();
    const at = (this.#oldest + this.#size++) % KEPT_MAX;
    this.#rows[at] = row;
    this.#atMs[at] = nowMs;
    this.#counts.set(row, (this.#counts.get(row) ?? 0) + 1);
  }

  /** How many of a worker's requests that have ended a report which arrives now can still contain. */
  at(row: number, nowMs: number): number {
    if (this.#size === 0) return 0;
    this.#forgetOld(nowMs);
    return this.#counts.get(row) ?? 0;
  }

  /** The row will be another worker's. */
  forget(row: number): void {
    if (!this.#counts.delete(row)) return;
    for (let each = 0; each < this.#size; each++) {
      const at = (this.#oldest + each) % KEPT_MAX;
      if (this.#rows[at] === row) this.#rows[at] = NOBODY;
    }
  }

  #forgetOld(nowMs: number): void {
    while (this.#size > 0 && (this.#atMs[this.#oldest] as number) <= nowMs - REPORT_DELAY_MS) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const row = this.#rows[this.#oldest] as number;
    this.#oldest = (this.#oldest + 1) % KEPT_MAX;
    this.#size--;
    if (row === NOBODY) return;
    const count = (this.#counts.get(row) as number) - 1;
    if (count === 0) this.#counts.delete(row);
    else this.#counts.set(row, count);
  }
}
