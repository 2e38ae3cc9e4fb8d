import type { ReserveRequest } from "./types.ts";

/**
 * Whether a request excludes this worker: by its id, which excludes its namesakes on other hives too, or by `HIVE/WORKER`.
 */
export const isExcluded = (
  exclude: NonNullable<ReserveRequest["exclude"]>,
  hiveId: string,
  workerId: string,
): boolean => exclude.includes(workerId) || exclude.includes(`${hiveId}/${workerId}`);
