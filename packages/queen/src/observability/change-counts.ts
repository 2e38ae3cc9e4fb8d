import type { HiveRegistry, RegistryEvent, WorkerChange } from "hive-registry";

const HIVE_CHANGES = ["suspect", "silent", "evicted", "removed", "flapping"] as const;
const FLEET_CHANGES = ["frozen", "thawed", "stalled"] as const;

type Counts<Change extends string> = Record<Change, number>;

/** How often what happened, since the start. */
export interface ChangeCounts {
  readonly hives: Counts<(typeof HIVE_CHANGES)[number]>;
  readonly fleet: Counts<(typeof FLEET_CHANGES)[number]>;
  readonly workers: Counts<WorkerChange["kind"]>;
}

/** Counts from now on. @returns also the function that ends it. */
export function countChanges(registry: HiveRegistry): { readonly counts: ChangeCounts; readonly stop: () => void } {
  const counts: ChangeCounts = {
    hives: { suspect: 0, silent: 0, evicted: 0, removed: 0, flapping: 0 },
    fleet: { frozen: 0, thawed: 0, stalled: 0 },
    workers: { added: 0, removed: 0, state: 0, failed: 0, recovered: 0 },
  };
  const stopHives = registry.subscribe((event) => count(counts, event), { heartbeats: false });
  const stopWorkers = registry.onWorkerChange(({ kind }) => {
    counts.workers[kind]++;
  });
  return {
    counts,
    stop: () => {
      stopHives();
      stopWorkers();
    },
  };
}

function count({ hives, fleet }: ChangeCounts, event: RegistryEvent): void {
  // It is told again when a hive has ceased to come and go.
  if (event.type === "hive.flapping" && !event.flapping) return;
  const ofHive = HIVE_CHANGES.find((change) => event.type === `hive.${change}`);
  const ofFleet = FLEET_CHANGES.find((change) => event.type === `fleet.${change}`);
  if (ofHive !== undefined) hives[ofHive]++;
  if (ofFleet !== undefined) fleet[ofFleet]++;
}
