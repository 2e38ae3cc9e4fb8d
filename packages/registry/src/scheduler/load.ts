import type { WorkerState } from "../types.ts";

/** What workers last reported of their requests, by row. NaN: it does not say. */
export interface ReportedLoad {
  stateAt(row: number): WorkerState;
  slotsTotalAt(row: number): number;
  slotsBusyAt(row: number): number;
  queueDepthAt(row: number): number;
}

/** Requests that the worker says it has, running or waiting; of one that does not count, one when it is busy. */
export function reportedRequests(from: ReportedLoad, row: number): number {
  const [busy, total, queued] = [from.slotsBusyAt(row), from.slotsTotalAt(row), from.queueDepthAt(row)];
  const whenBusy = Number.isNaN(total) ? 1 : total;
  const running = Number.isNaN(busy) ? (from.stateAt(row) === "Busy" ? whenBusy : 0) : busy;
  return Number.isNaN(queued) ? running : running + queued;
}

/**
 * Requests it can run at once. One that does not say can run one while it is idle; while it is busy, only when it is busy
 * with ours, for then it is free again as soon as we are done. Rule: design, "Scheduler".
 */
export function capacityOf(from: ReportedLoad, row: number, oursInReport: number): number {
  const total = from.slotsTotalAt(row);
  if (!Number.isNaN(total)) return total;
  const state = from.stateAt(row);
  if (state === "Idle") return 1;
  return state === "Busy" && oursInReport > 0 ? 1 : 0;
}

/** Requests of others: what it reports beyond those of ours that the report contains. */
export function foreignRequests(from: ReportedLoad, row: number, oursInReport: number): number {
  return Math.max(0, reportedRequests(from, row) - oursInReport);
}
