import type { WorkerInfo } from "@hive-registry/client";
import { percentText, UNKNOWN } from "../fleet-data/units.ts";

/** "3 of 4", and who waits: " + 2 waiting". */
export function slotsText({ slots_total, slots_busy, queue_depth }: WorkerInfo): string {
  if (slots_total === undefined && slots_busy === undefined) return UNKNOWN;
  const slots = slots_total === undefined ? `${slots_busy}` : `${slots_busy ?? 0} of ${slots_total}`;
  return queue_depth === undefined || queue_depth === 0 ? slots : `${slots} + ${queue_depth} waiting`;
}

/** Where it computes: "cuda 0", "cpu". */
export function placeText({ backend, device_id }: WorkerInfo): string {
  if (backend === undefined) return device_id === undefined ? UNKNOWN : `device ${device_id}`;
  return device_id === undefined ? backend : `${backend} ${device_id}`;
}

export const cacheText = ({ kv_cache_percent }: WorkerInfo): string => percentText(kv_cache_percent);
