import type { HiveWorker, Outcome, ReserveRequest } from "hive-registry";
import type { Queen } from "../core/queen.ts";
import type { WaitingLine } from "../core/waiting-line.ts";
import type { Coming } from "../placement/on-demand.ts";

/** What the gateway asks of the queen: places at workers, and what models and workers there are. */
export interface Places extends Pick<WaitingLine, "reserveNow" | "wait"> {
  release(reservationId: string, outcome: Outcome): void;
  /** Has a worker started for a request that found none, where nobody has its model and somebody can have it. */
  bring(request: ReserveRequest): Coming | undefined;
  /** How long an unknown model may still turn up, because the queen has only started, ms. */
  knownInMs(): number;
  resolveModels(name: string): readonly string[];
  nearModels(name: string): readonly string[];
  /** The worker of a pin, and those of its hive that it shall not be taken for. */
  pinned(pin: string): Pinned | undefined;
  /** Whether any worker of these models is none of the tried ones. */
  hasOther(models: readonly string[], tried: readonly TriedWorker[]): boolean;
}

export interface Pinned {
  readonly hive_id: string;
  readonly worker_id: string;
  readonly models: readonly string[];
  readonly others: readonly string[];
}

export interface TriedWorker {
  readonly hive_id: string;
  readonly worker_id: string;
}

export function placesOf(queen: Queen): Places {
  const { registry, line } = queen;
  return {
    reserveNow: (request) => line.reserveNow(request),
    wait: (request, options) => line.wait(request, options),
    release: (reservationId, outcome) => queen.release(reservationId, outcome),
    bring: (request) => queen.onDemand.bring(request),
    knownInMs: () => queen.knownInMs(),
    resolveModels: (name) => registry.resolveModels(name),
    nearModels: (name) => registry.nearModels(name),
    pinned(pin) {
      const found = findWorker(queen, pin);
      if (found === undefined) return undefined;
      const { hive_id, worker } = found;
      const { worker_id, model_id, models = [] } = worker;
      const ids = registry.getWorkersOnHive(hive_id).map((one) => one.worker_id);
      return {
        ...{ hive_id, worker_id },
        models: model_id === undefined ? models : [model_id, ...models],
        others: ids.filter((id) => id !== worker_id),
      };
    },
    hasOther: (models, tried) =>
      registry.hasWorkerByModel(
        models,
        ({ hive_id, worker }) => !tried.some((one) => one.hive_id === hive_id && one.worker_id === worker.worker_id),
      ),
  };
}

function findWorker({ registry }: Queen, pin: string): HiveWorker | undefined {
  const found = registry.getWorker(pin);
  if (found !== undefined) return found;
  const slash = pin.indexOf("/");
  const hive_id = pin.slice(0, slash);
  const worker_id = pin.slice(slash + 1);
  const worker = slash < 1 ? undefined : registry.getWorkersOnHive(hive_id).find((one) => one.worker_id === worker_id);
  return worker === undefined ? undefined : { hive_id, worker };
}
