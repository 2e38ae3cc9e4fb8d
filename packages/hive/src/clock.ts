/** Time as the hive sees it; tests bring their own. */
export interface Clock {
  /** Monotonic, ms. Only differences mean something. */
  nowMs(): number;
  /** The wall clock, ms since epoch. */
  wallMs(): number;
  /** Calls `run` once, `delayMs` from now. Returns what cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`. */
export const pause = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => void clock.after(delayMs, resolve));

/** What `work` gives, or `undefined` once `limitMs` have passed. `work` itself goes on. */
export async function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T | undefined> {
  let cancel: () => void = () => {};
  const limit = new Promise<undefined>((resolve) => {
    cancel = clock.after(limitMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
