import type { HiveStatus, HiveWorker, WorkerInfo } from "@hive-registry/client";
import { stateOf } from "../fleet/workers.ts";

/** A worker and what the scheduler's rule makes of it. */
export interface Ranked extends HiveWorker {
  /** Lower is better; undefined: cannot be chosen, for the reason in `why`. */
  readonly score: number | undefined;
  readonly why: string;
}

/** A missing `gpu_percent` counts as fully used. */
const UNKNOWN_GPU_PERCENT = 100;
/** Any degraded worker stands behind every healthy one, and any worker without the model behind every one with it. */
export const DEGRADED_PENALTY = 1_000;
export const OTHER_MODEL_PENALTY = 10_000;

/**
 * The queen's rule, seen from outside: model loaded, then healthy, then lowest GPU use; ties by name here, by turns in the
 * queen. Those that cannot be chosen come last. Rule: `findBestWorkerForModel`.
 */
export function rank(
  workers: readonly HiveWorker[],
  model: string,
  statusOf: (hiveId: string) => HiveStatus | undefined,
): Ranked[] {
  return workers.map((candidate) => judge(candidate, model, statusOf(candidate.hive_id))).toSorted(inOrder);
}

function judge(candidate: HiveWorker, model: string, hive: HiveStatus | undefined): Ranked {
  const { worker } = candidate;
  const obstacle = obstacleOf(worker, hive);
  if (obstacle !== undefined) return { ...candidate, score: undefined, why: obstacle };
  const gpu = worker.gpu_percent ?? UNKNOWN_GPU_PERCENT;
  const degraded = worker.health_status === "degraded";
  const other = !hasModel(worker, model);
  const why = [
    other ? "has another model" : "",
    degraded ? "degraded" : "",
    worker.gpu_percent === undefined ? "GPU use unknown, counts as 100 %" : `GPU ${Math.round(gpu)} %`,
  ];
  return {
    ...candidate,
    score: gpu + (degraded ? DEGRADED_PENALTY : 0) + (other ? OTHER_MODEL_PENALTY : 0),
    why: why.filter((reason) => reason !== "").join(", "),
  };
}

export function hasModel(worker: WorkerInfo, model: string): boolean {
  return worker.model_id === model || (worker.models?.includes(model) ?? false);
}

function obstacleOf(worker: WorkerInfo, hive: HiveStatus | undefined): string | undefined {
  if (hive !== "alive") return `its hive is ${hive ?? "gone"}`;
  if (worker.state !== "Idle") return stateOf(worker).toLowerCase();
  if (worker.draining) return "draining";
  return worker.url === undefined ? "has no URL" : undefined;
}

function inOrder(a: Ranked, b: Ranked): number {
  const difference = (a.score ?? Number.POSITIVE_INFINITY) - (b.score ?? Number.POSITIVE_INFINITY);
  // Infinity minus Infinity is no number: neither can be chosen.
  if (difference !== 0 && !Number.isNaN(difference)) return difference;
  const [left, right] = [`${a.hive_id}\n${a.worker.worker_id}`, `${b.hive_id}\n${b.worker.worker_id}`];
  return left < right ? -1 : 1;
}
