import type { Job } from "./workload.ts";

/**
 * What an all-knowing central queue would make each request wait, ms: it knows at every moment which slot is free, and hands
 * the request that came first to it without any delay (M/G/k, first come first served). Nobody who cannot see into the future
 * waits less on average without putting short requests first.
 */
export function centralWaits(jobs: readonly Job[], slots: number): Float64Array {
  // When each slot is free again; the earliest on top.
  const freeAtMs = new Float64Array(slots);
  return Float64Array.from(jobs, ({ arrivesMs, serviceMs }) => {
    const startsMs = Math.max(arrivesMs, freeAtMs[0] as number);
    replaceTop(freeAtMs, startsMs + serviceMs);
    return startsMs - arrivesMs;
  });
}

function replaceTop(heap: Float64Array, value: number): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= value) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = value;
}
