import { HiveError } from "@hive-registry/contract";
import type { HiveRegistry, RegistryEvent, Reservation, ReserveRequest, WorkerInfo } from "hive-registry";
import type { Clock } from "./clock.ts";

/** How many requests may wait. What is over is refused at once: a line that is too long serves nobody. */
export interface LineLimits {
  readonly perModel: number;
  readonly total: number;
}

export const DEFAULT_LINE_LIMITS: LineLimits = { perModel: 256, total: 4_096 };

interface Waiter {
  readonly request: ReserveRequest;
  readonly serve: (reservation: Reservation) => void;
}

/**
 * Requests that wait for room, first come first served for each model. Whoever waits is woken by the very event that makes
 * room: a reservation that ends, or a heartbeat that tells of a free worker. Nobody polls.
 */
export class WaitingLine {
  readonly #registry: HiveRegistry;
  readonly #clock: Clock;
  readonly #limits: LineLimits;
  readonly #waiting: Map<string, Set<Waiter>> = new Map();
  readonly #stops: readonly (() => void)[];
  #total = 0;

  constructor(
    deps: { readonly registry: HiveRegistry; readonly clock: Clock },
    limits: LineLimits = DEFAULT_LINE_LIMITS,
  ) {
    this.#registry = deps.registry;
    this.#clock = deps.clock;
    this.#limits = limits;
    this.#stops = [
      deps.registry.subscribe((event) => this.#hear(event)),
      deps.registry.onRoom((worker) => this.#roomAt(worker)),
    ];
  }

  /** Requests that wait now. */
  get length(): number {
    return this.#total;
  }

  /**
   * A place at a worker, at once or within `waitMs`.
   *
   * @param signal of the caller: when it hangs up, it leaves the line.
   * @throws {HiveError} `NO_WORKER` when none came free in time, or too many wait already.
   */
  reserve(
    request: ReserveRequest,
    options: { readonly waitMs: number; readonly signal?: AbortSignal },
  ): Promise<Reservation> {
    const { waitMs, signal } = options;
    const line = this.#waiting.get(request.model);
    // Nobody overtakes those who wait for the same model.
    const reservation = line === undefined ? this.#registry.reserve(request) : undefined;
    if (reservation !== undefined) return Promise.resolve(reservation);
    if (waitMs <= 0) return Promise.reject(noWorker(`No worker has room for ${request.model} now`));
    if ((line?.size ?? 0) >= this.#limits.perModel || this.#total >= this.#limits.total) {
      return Promise.reject(
        noWorker(`${this.#total} requests wait already, ${line?.size ?? 0} of them for ${request.model}`),
      );
    }
    return this.#wait(request, waitMs, signal);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #wait(request: ReserveRequest, waitMs: number, signal: AbortSignal | undefined): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        stopTimer();
        signal?.removeEventListener("abort", hangUp);
        this.#remove(waiter);
      };
      const hangUp = () => {
        leave();
        reject(noWorker("The caller left"));
      };
      const waiter: Waiter = {
        request,
        serve: (reservation) => {
          leave();
          resolve(reservation);
        },
      };
      const stopTimer = this.#clock.after(waitMs, () => {
        leave();
        reject(noWorker(`No worker for ${request.model} came free within ${waitMs} ms`));
      });
      if (signal?.aborted) {
        stopTimer();
        reject(noWorker("The caller left"));
        return;
      }
      signal?.addEventListener("abort", hangUp);
      this.#add(waiter);
    });
  }

  #hear(event: RegistryEvent): void {
    if (this.#total === 0) return;
    if (event.type === "hive.heartbeat") for (const worker of event.workers) this.#roomAt(worker);
    // A lease may bring a hive back that was suspect.
    if (event.type === "hive.lease") {
      for (const worker of this.#registry.getWorkersOnHive(event.hive_id)) this.#roomAt(worker);
    }
  }

  /** Whoever waits for one of that worker's models may be next. */
  #roomAt(worker: WorkerInfo): void {
    if (this.#total === 0) return;
    if (worker.model_id !== undefined) this.#serve(worker.model_id);
    for (const model of worker.models ?? []) this.#serve(model);
  }

  /** In their order; one whose wish cannot be met now (another backend, say) does not hold up those behind it. */
  #serve(model: string): void {
    for (const waiter of this.#waiting.get(model) ?? []) {
      const reservation = this.#registry.reserve(waiter.request);
      if (reservation !== undefined) waiter.serve(reservation);
      else if (isPlain(waiter.request)) return;
    }
  }

  #add(waiter: Waiter): void {
    const line = this.#waiting.get(waiter.request.model) ?? new Set();
    this.#waiting.set(waiter.request.model, line);
    line.add(waiter);
    this.#total++;
  }

  #remove(waiter: Waiter): void {
    const line = this.#waiting.get(waiter.request.model);
    if (line?.delete(waiter) !== true) return;
    this.#total--;
    if (line.size === 0) this.#waiting.delete(waiter.request.model);
  }
}

/** Any worker of the model will do: when it finds none, nobody behind it does. */
const isPlain = ({ backend, hive_id, exclude }: ReserveRequest): boolean =>
  backend === undefined && hive_id === undefined && (exclude === undefined || exclude.length === 0);

const noWorker = (message: string): HiveError => new HiveError("NO_WORKER", message);
