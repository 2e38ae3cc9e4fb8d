import { HiveRegistry, type HiveRegistryOptions } from "../registry.ts";
import type { Reservation, ReserveRequest } from "../scheduler/types.ts";
import type { HiveHeartbeatPayload, WorkerInfo } from "../types.ts";
import { aHeartbeat, aWorker, FakeClock } from "./builders.ts";

export interface Fleet {
  readonly clock: FakeClock;
  readonly registry: HiveRegistry;
  /** The hive `localhost` reports these workers, `w0`, `w1` …, with model `m` unless they say otherwise. */
  report(...workers: Partial<WorkerInfo>[]): void;
  /** Another hive reports; its workers are named after it. */
  reportFrom(
    hive: Partial<HiveHeartbeatPayload> & { readonly hive_id: string },
    ...workers: Partial<WorkerInfo>[]
  ): void;
  reserve(request?: Partial<ReserveRequest>): Reservation | undefined;
  /** The worker of a new reservation. */
  chosen(request?: Partial<ReserveRequest>): string | undefined;
}

/** A registry and hives that report as a story says. */
export function aFleet(options: HiveRegistryOptions = {}): Fleet {
  const clock = new FakeClock();
  const registry = new HiveRegistry({ now: clock.now, ...options });
  let seq = 0;
  const heartbeat = (hive: Partial<HiveHeartbeatPayload>, workers: WorkerInfo[]) => {
    clock.advance(1);
    const payload = aHeartbeat({ boot_id: "b", seq: ++seq, ...hive, workers });
    registry.updateHiveState(payload.hive_id, payload, { receivedAtMs: clock.ms });
    clock.advance(1);
  };
  const named = (workers: Partial<WorkerInfo>[], prefix: string) =>
    workers.map((fields, at) => aWorker({ worker_id: `${prefix}${at}`, model_id: "m", ...fields }));
  const reserve = (request: Partial<ReserveRequest> = {}) => registry.reserve({ model: "m", ...request });
  return {
    clock,
    registry,
    report: (...workers) => heartbeat({}, named(workers, "w")),
    reportFrom: (hive, ...workers) => heartbeat(hive, named(workers, `${hive.hive_id}-`)),
    reserve,
    chosen: (request) => reserve(request)?.worker.worker_id,
  };
}
