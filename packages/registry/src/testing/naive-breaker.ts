interface Failure {
  failedAtMs: number;
  pauseMs: number;
  /** A pause that is cut short by a try is over. */
  isCut: boolean;
  probe: string | undefined;
  triedAtMs: number;
}

/** The breaker's twin: a list of failures, looked at when somebody asks. */
export class NaiveBreaker {
  #failures: Map<string, Failure> = new Map();

  isAside(worker: string, nowMs: number): boolean {
    const failure = this.#failures.get(worker);
    return failure !== undefined && (failure.probe !== undefined || this.#isPausing(failure, nowMs));
  }

  untilMs(worker: string): number {
    const failure = this.#failures.get(worker) as Failure;
    return failure.failedAtMs + failure.pauseMs;
  }

  mayBeLastResort(worker: string, nowMs: number): boolean {
    const { probe, triedAtMs, failedAtMs } = this.#failures.get(worker) as Failure;
    return nowMs - (probe === undefined ? failedAtMs : triedAtMs) >= 1_000;
  }

  given(worker: string, id: string, nowMs: number): void {
    const failure = this.#failures.get(worker);
    if (failure !== undefined) Object.assign(failure, { probe: id, triedAtMs: nowMs, isCut: true });
  }

  ended(worker: string, id: string, outcome: "ok" | "error" | "cancelled", nowMs: number): void {
    const failure = this.#failures.get(worker);
    if (outcome === "error") {
      if (failure === undefined) {
        const first = { failedAtMs: nowMs, pauseMs: 1_000, isCut: false, probe: undefined, triedAtMs: 0 };
        this.#failures.set(worker, first);
      } else if (failure.probe === id) {
        const pauseMs = Math.min(60_000, 2 * failure.pauseMs);
        Object.assign(failure, { failedAtMs: nowMs, pauseMs, isCut: false, probe: undefined });
      }
      return;
    }
    if (failure === undefined) return;
    const isNews = failure.probe === id || !this.#isPausing(failure, nowMs);
    if (outcome === "ok" && isNews) this.#failures.delete(worker);
    if (outcome === "cancelled" && failure.probe === id) failure.probe = undefined;
  }

  forget(worker: string): void {
    this.#failures.delete(worker);
  }

  get size(): number {
    return this.#failures.size;
  }

  #isPausing({ failedAtMs, pauseMs, isCut }: Failure, nowMs: number): boolean {
    return !isCut && nowMs < failedAtMs + pauseMs;
  }
}
