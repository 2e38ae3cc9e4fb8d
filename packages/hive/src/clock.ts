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

/**
 * Does `work` again and again, first after `firstMs`, then `periodMs` after each end of it: one that takes long is never
 * done twice at once. `work` must not reject. Returns what ends it.
 */
export function repeat(
  clock: Clock,
  { firstMs, periodMs }: { readonly firstMs: number; readonly periodMs: number },
  work: () => Promise<void>,
): () => void {
  let stopped = false;
  let cancel: () => void = () => {};
  const arrange = (delayMs: number): void => {
    if (stopped) return;
    cancel = clock.after(delayMs, () => void work().then(() => arrange(periodMs)));
  };
  arrange(firstMs);
  return () => {
    stopped = true;
    cancel();
  };
}
