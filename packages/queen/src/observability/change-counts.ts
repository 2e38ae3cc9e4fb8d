import type { HiveRegistry } from "hive-registry";

const HIVE_CHANGES = ["suspect", "silent", "evicted", "removed"] as const;
const WORKER_CHANGES = ["added", "removed", "state", "failed", "recovered"] as const;

/** How often what happened to hives and to workers, since the start. */
export interface ChangeCounts {
  readonly hives: Readonly<Record<(typeof HIVE_CHANGES)[number], number>>;
  readonly workers: Readonly<Record<(typeof WORKER_CHANGES)[number], number>>;
}

/** Counts from now on. @returns also the function that ends it. */
export function countChanges(registry: HiveRegistry): { readonly counts: ChangeCounts; readonly stop: () => void } {
  const hives = { suspect: 0, silent: 0, evicted: 0, removed: 0 };
  const workers = { added: 0, removed: 0, state: 0, failed: 0, recovered: 0 };
  const stopHives = registry.subscribe(
    ({ type }) => {
      const change = HIVE_CHANGES.find((one) => type === `hive.${one}`);
      if (change !== undefined) hives[change]++;
    },
    { heartbeats: false },
  );
  const stopWorkers = registry.onWorkerChange(({ kind }) => {
    workers[kind]++;
  });
  return {
    counts: { hives, workers },
    stop: () => {
      stopHives();
      stopWorkers();
    },
  };
}
