/** Places for requests that run at once, and a bounded line before them, first come first served. */
export class Slots {
  readonly total: number;
  readonly #waitingMax: number;
  readonly #waiting: Set<() => void> = new Set();
  #running = 0;

  constructor(total: number, waitingMax: number) {
    this.total = total;
    this.#waitingMax = waitingMax;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Calls `begin` when a slot is free, at once if there is one.
   *
   * @returns what ends it, whether it runs or still waits; undefined when too many wait already.
   */
  take(begin: () => void): (() => void) | undefined {
    let state: "waiting" | "running" | "over" = "waiting";
    const run = () => {
      state = "running";
      this.#running++;
      begin();
    };
    const end = () => {
      const was = state;
      state = "over";
      if (was === "waiting") this.#waiting.delete(run);
      if (was === "running") {
        this.#running--;
        this.#next();
      }
    };
    if (this.#running < this.total) run();
    else if (this.#waiting.size < this.#waitingMax) this.#waiting.add(run);
    else return undefined;
    return end;
  }

  #next(): void {
    for (const run of this.#waiting) {
      if (this.#running >= this.total) return;
      this.#waiting.delete(run);
      run();
    }
  }
}
