import { normalModelName } from "../models/normal-name.ts";
import { REPORT_DELAY_MS } from "../scheduler/recent-endings.ts";
import type { Outcome, ReserveRequest } from "../scheduler/types.ts";
import type { Labels, WorkerInfo } from "../types.ts";
import { NaiveBreaker } from "./naive-breaker.ts";

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

/** A worker that may be chosen, and how much of it is used. */
export interface NaiveChoice {
  readonly hive_id: string;
  readonly worker: WorkerInfo;
  /** Names that the request means and that this worker has. */
  readonly models: readonly string[];
  readonly load: number;
  readonly used: number;
}

/** The scheduler's twin: lists and filters, the design's rules one by one. It follows what the registry chose. */
export class NaiveScheduler {
  readonly breaker: NaiveBreaker = new NaiveBreaker();
  readonly #aliases: Readonly<Record<string, readonly string[]>>;
  #workers: NaiveWorker[] = [];
  #reservations: NaiveReservation[] = [];
  #ended: { readonly hive_id: string; readonly worker_id: string; readonly atMs: number }[] = [];
  readonly #boots: Map<string, string | undefined> = new Map();
  readonly #labels: Map<string, Labels> = new Map();
  readonly #operatorLabels: Map<string, Labels> = new Map();

  constructor(aliases: Readonly<Record<string, readonly string[]>> = {}) {
    this.#aliases = aliases;
  }

  report(
    hive_id: string,
    workers: readonly WorkerInfo[],
    hive: { readonly atMs: number; readonly boot_id?: string; readonly labels?: Labels },
  ): void {
    const isListed = (worker_id: string) => workers.some((each) => each.worker_id === worker_id);
    this.#ended = this.#ended.filter((each) => each.hive_id !== hive_id || isListed(each.worker_id));
    this.#reservations = this.#reservations.filter((each) => each.hive_id !== hive_id || isListed(each.worker_id));
    for (const before of this.#workers.filter((each) => each.hive_id === hive_id)) {
      const now = workers.find(({ worker_id }) => worker_id === before.worker.worker_id);
      const loaded = before.worker.state === "Loading" && now?.state !== "Loading";
      if (now === undefined || loaded || this.#boots.get(hive_id) !== hive.boot_id) {
        this.breaker.forget(keyOf(hive_id, before.worker.worker_id));
      }
    }
    this.#boots.set(hive_id, hive.boot_id);
    this.#labels.set(hive_id, hive.labels ?? {});
    this.#workers = this.#workers.filter((each) => each.hive_id !== hive_id);
    for (const worker of workers) {
      const ours = this.#at(hive_id, worker.worker_id);
      const echoed = ours.findIndex(({ id }) => id === worker.last_reservation);
      const standing = echoed !== -1 ? echoed + 1 : ours.filter(({ createdAtMs }) => createdAtMs < hive.atMs).length;
      const contained = standing + this.#endedLately(hive_id, worker.worker_id, hive.atMs);
      const [capacity, foreign] = [capacityOf(worker, contained), foreignRequests(worker, contained)];
      this.#workers.push({ hive_id, worker, capacity, foreign });
    }
  }

  #endedLately(hive_id: string, worker_id: string, atMs: number): number {
    return this.#ended.filter(
      (each) => each.hive_id === hive_id && each.worker_id === worker_id && each.atMs > atMs - REPORT_DELAY_MS,
    ).length;
  }

  label(hive_id: string, labels: Labels): void {
    this.#operatorLabels.set(hive_id, labels);
  }

  removeHive(hive_id: string): void {
    this.report(hive_id, [], { atMs: 0 });
  }

  take(reservation: NaiveReservation): void {
    this.#reservations.push(reservation);
    const { hive_id, worker_id, id, createdAtMs } = reservation;
    this.breaker.given(keyOf(hive_id, worker_id), id, createdAtMs);
  }

  release(id: string, outcome: Outcome, nowMs: number): boolean {
    const ended = this.#reservations.find((each) => each.id === id);
    if (ended === undefined) return false;
    this.#reservations = this.#reservations.filter((each) => each.id !== id);
    this.#ended.push({ hive_id: ended.hive_id, worker_id: ended.worker_id, atMs: nowMs });
    this.breaker.ended(keyOf(ended.hive_id, ended.worker_id), id, outcome, nowMs);
    return true;
  }

  expire(nowMs: number): void {
    for (const { id, expiresAtMs } of this.#reservations)
      if (expiresAtMs <= nowMs) this.release(id, "cancelled", nowMs);
  }

  get active(): number {
    return this.#reservations.length;
  }

  /** The models that a name means. */
  meant(name: string): string[] {
    const all = [...new Set(this.#workers.flatMap(({ worker }) => modelsOf(worker)))];
    const alike = (wanted: string) =>
      all.includes(wanted) ? [wanted] : all.filter((model) => normalModelName(model) === normalModelName(wanted));
    if (all.includes(name)) return [name];
    const targets = (this.#aliases[name] ?? []).flatMap(alike);
    return targets.length > 0 ? [...new Set(targets)] : alike(name);
  }

  /** All that have the model and room, with how much of each is used; when all are set aside, those that may be tried. */
  allowed(request: ReserveRequest, isAlive: (hiveId: string) => boolean, nowMs: number): NaiveChoice[] {
    const meant = this.meant(request.model);
    const labelsOf = (hive_id: string): Labels => ({
      ...this.#labels.get(hive_id),
      ...this.#operatorLabels.get(hive_id),
    });
    const ready = this.#workers
      .filter(({ worker }) => modelsOf(worker).some((model) => meant.includes(model)))
      .filter(({ hive_id, worker }) => isAlive(hive_id) && worker.url !== undefined && worker.draining !== true)
      .filter(({ worker }) => worker.state !== "Loading")
      .filter(({ worker }) => request.backend === undefined || worker.backend === request.backend)
      .filter(({ hive_id }) => request.hive_id === undefined || hive_id === request.hive_id)
      .filter(({ hive_id }) =>
        Object.entries(request.labels ?? {}).every(([key, value]) => labelsOf(hive_id)[key] === value),
      )
      .filter(
        ({ hive_id, worker }) =>
          request.exclude?.some((one) => one === worker.worker_id || one === `${hive_id}/${worker.worker_id}`) !== true,
      )
      .map((each) => ({ ...each, key: keyOf(each.hive_id, each.worker.worker_id) }))
      .map((each) => ({ ...each, requests: each.foreign + this.#at(each.hive_id, each.worker.worker_id).length }));
    const withRoom = ready.filter(({ requests, capacity }) => requests < capacity);
    const open = withRoom.filter(({ key }) => !this.breaker.isAside(key, nowMs));
    const allAside = ready.every(({ key, capacity }) => capacity === 0 || this.breaker.isAside(key, nowMs));
    const resorts = allAside ? withRoom.filter(({ key }) => this.breaker.mayBeLastResort(key, nowMs)) : [];
    const soonestMs = Math.min(...resorts.map(({ key }) => this.breaker.untilMs(key)));
    const among = open.length > 0 ? open : resorts.filter(({ key }) => this.breaker.untilMs(key) === soonestMs);
    return among.map(({ hive_id, worker, requests, capacity }) => {
      const penalty = worker.health_status === "degraded" ? 1e6 : 0;
      const load = requests / capacity;
      const used = penalty + Math.max(100 * load, foreignGpuPercent(worker));
      const models = modelsOf(worker).filter((model) => meant.includes(model));
      return { hive_id, worker, models, load: penalty + load, used };
    });
  }

  #at(hive_id: string, worker_id: string): NaiveReservation[] {
    return this.#reservations.filter((each) => each.hive_id === hive_id && each.worker_id === worker_id);
  }
}

const keyOf = (hive_id: string, worker_id: string): string => `${hive_id}/${worker_id}`;

const modelsOf = ({ model_id, models = [] }: WorkerInfo): string[] =>
  model_id === undefined ? [...models] : [model_id, ...models];

/** How much of its GPU others take, 0–100. While it works for us its GPU usage is our own doing, and tells nothing. */
const foreignGpuPercent = (worker: WorkerInfo): number =>
  reportedRequests(worker) === 0 ? (worker.gpu_percent ?? 0) : 0;

/** Requests that the worker says it has; of one that does not count, one when it is busy. */
function reportedRequests(worker: WorkerInfo): number {
  const running = worker.slots_busy ?? (worker.state === "Busy" ? (worker.slots_total ?? 1) : 0);
  return running + (worker.queue_depth ?? 0);
}

function capacityOf(worker: WorkerInfo, oursInReport: number): number {
  if (worker.slots_total !== undefined) return worker.slots_total;
  if (worker.state === "Idle") return 1;
  return worker.state === "Busy" && oursInReport > 0 ? 1 : 0;
}

function foreignRequests(worker: WorkerInfo, oursInReport: number): number {
  return Math.max(0, reportedRequests(worker) - oursInReport);
}
