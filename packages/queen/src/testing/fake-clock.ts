import type { Clock } from "../core/clock.ts";

interface Timer {
  dueMs: number;
  readonly intervalMs: number | undefined;
  readonly run: () => void;
}

/** A clock that stands still until a story moves it; what falls due on the way runs in order. */
export class FakeClock implements Clock {
  #ms: number;
  readonly #timers: Set<Timer> = new Set();

  constructor(startMs: number = Date.parse("2026-01-01T00:00:00Z")) {
    this.#ms = startMs;
  }

  readonly nowMs = (): number => this.#ms;

  readonly every = (intervalMs: number, run: () => void): (() => void) =>
    this.#add({ dueMs: this.#ms + intervalMs, intervalMs, run });

  readonly after = (delayMs: number, run: () => void): (() => void) =>
    this.#add({ dueMs: this.#ms + delayMs, intervalMs: undefined, run });

  advance(ms: number): void {
    const endMs = this.#ms + ms;
    for (let timer = this.#next(endMs); timer !== undefined; timer = this.#next(endMs)) {
      this.#ms = Math.max(this.#ms, timer.dueMs);
      if (timer.intervalMs === undefined) this.#timers.delete(timer);
      else timer.dueMs += timer.intervalMs;
      timer.run();
    }
    this.#ms = endMs;
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The first that falls due; of several the one that was made first. */
  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (first === undefined || timer.dueMs < first.dueMs)) first = timer;
    }
    return first;
  }
}
