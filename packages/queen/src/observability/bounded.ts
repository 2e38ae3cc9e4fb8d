import type { Sample } from "@hive-registry/command/metrics";
import { OTHER_MODELS } from "../gateway/model-counts.ts";

/** Models that have a series of their own in a family; further ones are summed up. */
export const MODELS_MAX = 50;

/** The largest each, and the rest together: names come from outside, and there may be many. */
export function byModel(values: Iterable<readonly [model: string, value: number]>): readonly Sample[] {
  const sorted = [...values].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const named = sorted.slice(0, MODELS_MAX).map(([model, value]) => ({ labels: { model }, value }));
  if (sorted.length <= MODELS_MAX) return named;
  const rest = sorted.slice(MODELS_MAX).reduce((sum, [, value]) => sum + value, 0);
  return [...named, { labels: { model: OTHER_MODELS }, value: rest }];
}
