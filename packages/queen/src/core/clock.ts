import { systemClock as sinceEpochMs } from "hive-registry";

/** Time as the queen sees it. Whatever waits or repeats takes this, so that a test can hold the hands. */
export interface Clock {
  /** Ms since epoch, never backwards. */
  nowMs(): number;
  /** Runs again and again; returns the stop. */
  every(intervalMs: number, run: () => void): () => void;
  /** Runs once; returns the stop. */
  after(delayMs: number, run: () => void): () => void;
}

/** Its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: sinceEpochMs,
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs).unref();
    return () => clearInterval(timer);
  },
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
