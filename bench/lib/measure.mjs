// Medians of things that take nanoseconds, on a machine that does other things too.

export const NS_PER_MS = 1e6;

/** @param {readonly number[]} values @param {number} share 0.5 is the median */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/**
 * The median over batches of what one call costs, ns. A batch, because a clock that is read for each call would be most of
 * what is measured; the median, because an interruption then spoils its own batch only.
 *
 * @param {(call: number) => unknown} run gets the number of the call, so that it can take a fresh argument
 * @param {{ batches: number, perBatch: number, budgetMs?: number }} options `budgetMs` ends it early, after one batch at least
 */
export function medianNs(run, { batches, perBatch, budgetMs = Number.POSITIVE_INFINITY }) {
  const costs = [];
  const endsAt = performance.now() + budgetMs;
  let call = 0;
  for (let batch = 0; batch < batches && (batch === 0 || performance.now() < endsAt); batch++) {
    const startedAt = performance.now();
    for (let at = 0; at < perBatch; at++) sink = run(call++);
    costs.push(((performance.now() - startedAt) * NS_PER_MS) / perBatch);
  }
  return quantile(costs, 0.5);
}

/** What was computed goes here, so that no optimiser leaves the computing out. */
let sink;
export const lastResult = () => sink;
