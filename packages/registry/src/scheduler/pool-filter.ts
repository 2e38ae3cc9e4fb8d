import type { Labels } from "../types.ts";
import type { ReserveRequest } from "./types.ts";

/** What a request asks of a worker besides the model, as long as many requests may ask the same. */
export interface PoolFilter {
  /** Equal for filters that let the same workers through. */
  readonly key: string;
  readonly backend: string | undefined;
  readonly labels: readonly (readonly [key: string, value: string])[];
}

/** Undefined where any worker of the model will do. */
export function filterOf({ backend, labels }: ReserveRequest): PoolFilter | undefined {
  if (backend === undefined && labels === undefined) return undefined;
  const sorted = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (backend === undefined && sorted.length === 0) return undefined;
  return { key: JSON.stringify([backend, sorted]), backend, labels: sorted };
}

export const hasBackend = (filter: PoolFilter, backend: string | undefined): boolean =>
  filter.backend === undefined || filter.backend === backend;

export const hasLabels = (filter: PoolFilter, labels: Labels | undefined): boolean =>
  filter.labels.every(([key, value]) => labels?.[key] === value);
