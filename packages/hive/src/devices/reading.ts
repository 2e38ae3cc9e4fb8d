import type { Clock } from "../clock.ts";

/** So many rounds may fail before the last numbers count as unknown. */
export const STALE_ROUNDS = 3;

/** What one look gave, or why it gave nothing. */
export type Look<T> = { readonly value: T } | { readonly trouble: string };

/** Something that is looked at again and again. */
export interface Reading<T> {
  /** What was seen last, however long ago; undefined before the first good look. */
  last(): T | undefined;
  /** Whether that is too long ago for its numbers to mean something. */
  isStale(): boolean;
  /** Why the latest look gave nothing. */
  trouble(): string | undefined;
  /** Resolves after the first look, or when that takes too long. */
  readonly settled: Promise<void>;
  stop(): void;
}

/**
 * Looks every `periodMs`, never twice at once: what hangs in a driver hangs alone, and holds up nobody. A look that takes
 * longer than `limitMs` is told as trouble; the next one starts only after it has ended. `look` must not reject.
 */
export function keepReading<T>(
  clock: Clock,
  { what, periodMs, limitMs }: { readonly what: string; readonly periodMs: number; readonly limitMs: number },
  look: () => Promise<Look<T>>,
): Reading<T> {
  let value: T | undefined;
  let seenAtMs = Number.NEGATIVE_INFINITY;
  let trouble: string | undefined;
  let stopped = false;
  let cancel: () => void = () => {};
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });

  async function round(): Promise<void> {
    cancel = clock.after(limitMs, () => {
      trouble = `${what} did not answer for ${Math.round(limitMs / 1_000)} s`;
      settle();
    });
    const seen = await look();
    cancel();
    if (stopped) return;
    if ("value" in seen) {
      value = seen.value;
      seenAtMs = clock.nowMs();
      trouble = undefined;
    } else {
      trouble = seen.trouble;
    }
    settle();
    cancel = clock.after(periodMs, () => void round());
  }

  void round();
  return {
    last: () => value,
    isStale: () => clock.nowMs() - seenAtMs > STALE_ROUNDS * periodMs,
    trouble: () => trouble,
    settled,
    stop() {
      stopped = true;
      cancel();
      settle();
    },
  };
}
