import type { WatchQuery } from "@hive-registry/contract";
import type { RegistryEvent, RegistrySnapshot, WorkerInfo } from "hive-registry";

type Hives = RegistrySnapshot["hives"];

/** Decides what a watcher that asked for a part of the fleet gets to see. */
export interface WatchFilter {
  hives(all: Hives): Hives;
  passes(event: RegistryEvent): boolean;
}

/** Undefined when the query asks for everything. */
export function watchFilter(query: WatchQuery): WatchFilter | undefined {
  if (query.model === undefined && query.hive_id === undefined) return undefined;
  const has = (hiveId: string, workers: readonly WorkerInfo[]): boolean =>
    (query.hive_id === undefined || query.hive_id === hiveId) &&
    (query.model === undefined || workers.some((worker) => serves(worker, query.model as string)));
  /** Hives that the watcher knows of: it must also hear that one has lost the model, and what becomes of it. */
  const known = new Set<string>();
  return {
    hives(all) {
      const matching = all.filter(({ report, workers }) => has(report.hive_id, workers));
      for (const { report } of matching) known.add(report.hive_id);
      return matching;
    },
    passes(event) {
      if (!("hive_id" in event)) return true;
      // Labels may come before their hive does.
      if (event.type === "hive.labelled") return query.hive_id === undefined || query.hive_id === event.hive_id;
      const knew = known.has(event.hive_id);
      if (event.type !== "hive.heartbeat") {
        if (event.type === "hive.removed" || event.type === "hive.evicted") known.delete(event.hive_id);
        return knew;
      }
      const matches = has(event.hive_id, event.workers);
      if (matches) known.add(event.hive_id);
      else known.delete(event.hive_id);
      return knew || matches;
    },
  };
}

const serves = (worker: WorkerInfo, model: string): boolean =>
  worker.model_id === model || worker.models?.includes(model) === true;
