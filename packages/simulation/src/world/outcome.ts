import type { Way } from "./scenario.ts";

/** What came of a scenario. Waits are from the client's first word to the slot at a worker, with every step on the way. */
export interface Outcome {
  readonly way: Way | "central";
  readonly requests: number;
  readonly completed: number;
  readonly refused: number;
  readonly failed: number;
  /** Their clients hung up. */
  readonly left: number;
  readonly wait_mean_ms: number;
  readonly wait_p50_ms: number;
  readonly wait_p99_ms: number;
  readonly wait_max_ms: number;
  /** Share of all slots' time that was worked, 0–1, until the last request arrived. */
  readonly utilisation: number;
  /** Requests that each worker got, hive after hive. */
  readonly by_worker: readonly number[];
  /** Requests of the worker that got most, to the mean. 1 is even. */
  readonly busiest_over_mean: number;
  /** Jain's index of the requests of each worker: 1 is even, 1/n is all to one. */
  readonly fairness: number;
  /** Share of requests whose beginning their worker remembered, and the share that was possible. Absent without such prompts. */
  readonly hit_rate?: number;
  readonly best_hit_rate?: number;
  /** Share of requests that met the worker of the same session's request before. */
  readonly session_kept: number;
  /** Requests that were sent to a hive that was dead or cut off from the queens; and of these, the ones after she must have noticed. */
  readonly sent_to_silent: number;
  readonly sent_to_silent_late: number;
  /** Messages that never arrived. */
  readonly messages_lost: number;
  /** The longest line at any queen. */
  readonly line_longest: number;
  /** What is left when all is over and every reservation's time has passed: anything but 0 is drift. */
  readonly reservations_left: number;
  readonly waiting_left: number;
}

/** Of waits in ms; the first `warmUp` are left out: the fleet was still empty. */
export function waitsOf(
  waits: Float64Array,
  warmUp: number,
): Pick<Outcome, "wait_mean_ms" | "wait_p50_ms" | "wait_p99_ms" | "wait_max_ms"> {
  const sorted = waits
    .slice(warmUp)
    .filter((wait) => !Number.isNaN(wait))
    .sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const mean = sorted.reduce((sum, wait) => sum + wait, 0) / Math.max(1, sorted.length);
  return { wait_mean_ms: mean, wait_p50_ms: at(0.5), wait_p99_ms: at(0.99), wait_max_ms: at(1) };
}

/** How evenly something is dealt out. */
export function evenness(counts: readonly number[]): Pick<Outcome, "busiest_over_mean" | "fairness"> {
  const sum = counts.reduce((all, one) => all + one, 0);
  const squares = counts.reduce((all, one) => all + one * one, 0);
  if (sum === 0) return { busiest_over_mean: 1, fairness: 1 };
  return {
    busiest_over_mean: (Math.max(...counts) * counts.length) / sum,
    fairness: (sum * sum) / (counts.length * squares),
  };
}
