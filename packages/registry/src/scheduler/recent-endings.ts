/**
 * How old a report may be when it arrives, ms: a worker tells its hive, and the hive tells the queen 20 ms later, or when a
 * busy machine comes to it.
 */
export const REPORT_DELAY_MS = 150;
/** More endings within that time than are kept are of many workers: each of their reports is off by less than one. */
const KEPT_MAX = 1_024;

/**
 * The places that were given back a moment ago, by worker. A report that arrives now may still count their requests; without
 * this they would look like somebody else's until the next report.
 */
export class RecentEndings {
  readonly #rows: Int32Array = new Int32Array(KEPT_MAX).fill(-1);
  readonly #atMs: Float64Array = new Float64Array(KEPT_MAX);
  /** Where the next one goes; the one before is the latest. */
  #next = 0;
  #count = 0;

  add(row: number, nowMs: number): void {
    this.#rows[this.#next] = row;
    this.#atMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % KEPT_MAX;
    if (this.#count < KEPT_MAX) this.#count++;
  }

  /** How many of a worker's requests that have ended a report which arrives now can still contain. */
  at(row: number, nowMs: number): number {
    let found = 0;
    for (let back = 1; back <= this.#count; back++) {
      const at = (this.#next - back + KEPT_MAX) % KEPT_MAX;
      if ((this.#atMs[at] as number) <= nowMs - REPORT_DELAY_MS) {
        // Whatever is older is of no use to any later report either.
        this.#count = back - 1;
        break;
      }
      if (this.#rows[at] === row) found++;
    }
    return found;
  }

  /** The row will be another worker's. */
  forget(row: number): void {
    for (let back = 1; back <= this.#count; back++) {
      const at = (this.#next - back + KEPT_MAX) % KEPT_MAX;
      if (this.#rows[at] === row) this.#rows[at] = -1;
    }
  }
}
