const WINDOW_SECONDS = 10;

/** Counts what happens and tells how often it did, over the last ten full seconds. */
export class Rate {
  readonly #counts: number[] = new Array<number>(WINDOW_SECONDS + 1).fill(0);
  readonly #startedAtMs: number;
  #second: number;

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#second = Math.floor(nowMs / 1_000);
  }

  add(nowMs: number): void {
    this.#moveTo(nowMs);
    const at = this.#second % this.#counts.length;
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** A second; over the time since the start while that is shorter than the window. */
  perSecond(nowMs: number): number {
    this.#moveTo(nowMs);
    const running = this.#counts[this.#second % this.#counts.length] as number;
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    const seconds = Math.min(WINDOW_SECONDS, (nowMs - this.#startedAtMs) / 1_000);
    return seconds < 1 ? total : (total - running) / Math.max(1, Math.floor(seconds));
  }

  #moveTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const steps = Math.min(second - this.#second, this.#counts.length);
    for (let step = 1; step <= steps; step++) this.#counts[(this.#second + step) % this.#counts.length] = 0;
    if (second > this.#second) this.#second = second;
  }
}
