import type { WorkerInfo } from "../types.ts";

/** Requests that the worker says it has, running or waiting; of one that does not count, one when it is busy. */
export function reportedRequests(worker: WorkerInfo): number {
  const running = worker.slots_busy ?? (worker.state === "Busy" ? (worker.slots_total ?? 1) : 0);
  return running + (worker.queue_depth ?? 0);
}

/**
 * Requests it can run at once. One that does not say can run one while it is idle; while it is busy, only when it is busy
 * with ours, for then it is free again as soon as we are done. Rule: design, "Scheduler".
 */
export function capacityOf(worker: WorkerInfo, oursInReport: number): number {
  if (worker.slots_total !== undefined) return worker.slots_total;
  if (worker.state === "Idle") return 1;
  return worker.state === "Busy" && oursInReport > 0 ? 1 : 0;
}

/** Requests of others: what it reports beyond those of ours that the report contains. */
export function foreignRequests(worker: WorkerInfo, oursInReport: number): number {
  return Math.max(0, reportedRequests(worker) - oursInReport);
}
