import { capacityOf, foreignRequests, reportedRequests } from "../scheduler/load.ts";
import type { ReserveRequest } from "../scheduler/types.ts";
import type { WorkerInfo } from "../types.ts";

interface NaiveWorker {
  readonly hive_id: string;
  readonly worker: WorkerInfo;
  readonly capacity: number;
  readonly foreign: number;
}

interface NaiveReservation {
  readonly id: string;
  readonly hive_id: string;
  readonly worker_id: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** The scheduler's twin: lists and filters, the design's rules one by one. It follows what the registry chose. */
export class NaiveScheduler {
  #workers: NaiveWorker[] = [];
  #reservations: NaiveReservation[] = [];

  report(hive_id: string, workers: readonly WorkerInfo[], atMs: number): void {
    this.#reservations = this.#reservations.filter(
      (each) => each.hive_id !== hive_id || workers.some(({ worker_id }) => worker_id === each.worker_id),
    );
    this.#workers = this.#workers.filter((each) => each.hive_id !== hive_id);
    for (const worker of workers) {
      const ours = this.#at(hive_id, worker.worker_id);
      const echoed = ours.findIndex(({ id }) => id === worker.last_reservation);
      const contained = echoed !== -1 ? echoed + 1 : ours.filter(({ createdAtMs }) => createdAtMs < atMs).length;
      const [capacity, foreign] = [capacityOf(worker, contained), foreignRequests(worker, contained)];
      this.#workers.push({ hive_id, worker, capacity, foreign });
    }
  }

  removeHive(hive_id: string): void {
    this.report(hive_id, [], 0);
  }

  take(reservation: NaiveReservation): void {
    this.#reservations.push(reservation);
  }

  release(id: string): boolean {
    const before = this.#reservations.length;
    this.#reservations = this.#reservations.filter((each) => each.id !== id);
    return this.#reservations.length < before;
  }

  expire(nowMs: number): void {
    this.#reservations = this.#reservations.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }

  get active(): number {
    return this.#reservations.length;
  }

  /** All that have the model and room, with how much of each is used. */
  withRoom(request: ReserveRequest, isAlive: (hiveId: string) => boolean) {
    return this.#workers
      .filter(({ worker }) => worker.model_id === request.model || worker.models?.includes(request.model) === true)
      .filter(({ hive_id, worker }) => isAlive(hive_id) && worker.url !== undefined && worker.draining !== true)
      .filter(({ worker }) => worker.state !== "Loading")
      .filter(({ worker }) => request.backend === undefined || worker.backend === request.backend)
      .filter(({ hive_id }) => request.hive_id === undefined || hive_id === request.hive_id)
      .filter(({ worker }) => request.exclude?.includes(worker.worker_id) !== true)
      .map((each) => ({ ...each, requests: each.foreign + this.#at(each.hive_id, each.worker.worker_id).length }))
      .filter(({ requests, capacity }) => requests < capacity)
      .map(({ hive_id, worker, requests, capacity }) => {
        const penalty = worker.health_status === "degraded" ? 1e6 : 0;
        const load = requests / capacity;
        return {
          hive_id,
          worker,
          load: penalty + load,
          used: penalty + Math.max(100 * load, foreignGpuPercent(worker)),
        };
      });
  }

  #at(hive_id: string, worker_id: string): NaiveReservation[] {
    return this.#reservations.filter((each) => each.hive_id === hive_id && each.worker_id === worker_id);
  }
}

/** How much of its GPU others take, 0–100. While it works for us its GPU usage is our own doing, and tells nothing. */
const foreignGpuPercent = (worker: WorkerInfo): number =>
  reportedRequests(worker) === 0 ? (worker.gpu_percent ?? 0) : 0;
