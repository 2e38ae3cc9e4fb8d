/** Lets so many go at once; who comes later waits, first come first served. */
export class Turns {
  readonly #waiting: Set<() => void> = new Set();
  #free: number;

  constructor(max: number) {
    this.#free = max;
  }

  /** The function that gives the turn back, once however often it is called; undefined when there is none. */
  take(): (() => void) | undefined {
    if (this.#free === 0) return undefined;
    this.#free--;
    return this.#taken();
  }

  /** Rejects with the signal's reason when it is raised before. */
  wait(signal: AbortSignal): Promise<() => void> {
    const taken = this.take();
    if (taken !== undefined) return Promise.resolve(taken);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(go);
        reject(signal.reason);
      };
      const go = () => {
        signal.removeEventListener("abort", onAbort);
        resolve(this.#taken());
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(go);
    });
  }

  #taken(): () => void {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#free++;
        return;
      }
      this.#waiting.delete(next);
      next();
    };
  }
}
