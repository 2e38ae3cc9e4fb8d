import type { HiveRegistry, Outcome, Reservation, ReserveRequest } from "hive-registry";
import { onAbort } from "../abort.ts";
import { ClientError } from "../errors.ts";

/** A place at a worker, held until it is given back or its time is over. */
export interface Place extends Pick<Reservation, "reservation_id" | "hive_id" | "worker" | "model" | "expires_at_ms"> {
  /** Gives it back; `ok` unless said otherwise. Harmless when that was done already. */
  release(outcome?: Outcome): void;
}

export interface WaitOptions {
  /** How long to wait for a place when none is free, ms. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where places come from: the own copy of the registry, or the queen. */
export interface Places {
  /**
   * Among those who wait for the same model the first comes first.
   *
   * @throws {ClientError} `NO_WORKER` when none came free in time or too many wait, `MODEL_NOT_FOUND` when workers are known
   * and none has the model. An aborted signal throws its own reason.
   */
  reserve(request: ReserveRequest, options: WaitOptions): Promise<Place>;
}

/** Requests of one client that may wait for room at once. One more is refused: a line that is too long serves nobody. */
export const WAITING_MAX = 1_024;
/** While somebody waits, time is let take effect so often: the queen may be away, and then nothing else does it. */
const TICK_MS = 250;

interface Waiter {
  readonly request: ReserveRequest;
  serve(place: Place): void;
  fail(error: unknown): void;
}

/** Reserves in the client's own copy of the registry. What other clients do is known only from what workers report. */
export class LocalPlaces implements Places {
  readonly #registry: HiveRegistry;
  readonly #max: number;
  /** In the order in which they came. */
  readonly #waiting: Set<Waiter> = new Set();
  readonly #stopListening: () => void;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #isWoken = false;
  #closed: { readonly reason: unknown } | undefined;

  constructor(registry: HiveRegistry, options: { readonly waitingMax?: number } = {}) {
    this.#registry = registry;
    this.#max = options.waitingMax ?? WAITING_MAX;
    this.#stopListening = registry.onRoom(() => this.wake());
  }

  /** Requests that wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  async reserve(request: ReserveRequest, { waitMs, signal }: WaitOptions): Promise<Place> {
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed.reason;
    // Nobody overtakes those who wait for the same model.
    const place = this.#waitsFor(request.model) ? undefined : this.#registry.reserve(request);
    if (place !== undefined) return place;
    this.#checkModel(request.model);
    if (waitMs <= 0) throw noRoom(`No worker has room for ${request.model} now`);
    if (this.#waiting.size >= this.#max) throw noRoom(`${this.#waiting.size} requests wait already`);
    return await this.#wait(request, waitMs, signal);
  }

  /** Something changed: whoever waits may have a place now. Many changes at once are looked at together. */
  wake(): void {
    if (this.#isWoken || this.#waiting.size === 0) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#serve();
    });
  }

  /** Whoever waits is told so; nobody is taken any more. */
  close(reason: unknown): void {
    this.#closed = { reason };
    this.#stopListening();
    for (const waiter of [...this.#waiting]) waiter.fail(reason);
  }

  #waitsFor(model: string): boolean {
    for (const { request } of this.#waiting) if (request.model === model) return true;
    return false;
  }

  /** Where no worker is known at all, the one asked for may be about to be heard. */
  #checkModel(model: string): void {
    const registry = this.#registry;
    if (registry.totalWorkerCount() === 0 || registry.resolveModels(model).length > 0) return;
    const near = registry.nearModels(model);
    const hint = near.length === 0 ? "" : `; there is ${near.join(", ")}`;
    throw new ClientError("MODEL_NOT_FOUND", `No worker has the model ${model}${hint}`, {
      status: 404,
      details: { near },
    });
  }

  #wait(request: ReserveRequest, waitMs: number, signal: AbortSignal | undefined): Promise<Place> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        stay();
        this.#waiting.delete(waiter);
        if (this.#waiting.size === 0) this.#stopTicking();
      };
      const waiter: Waiter = {
        request,
        serve(place) {
          leave();
          resolve(place);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      const late = () => waiter.fail(noRoom(`No worker for ${request.model} came free within ${waitMs} ms`));
      const timer = setTimeout(late, waitMs);
      const stay = onAbort(signal, () => waiter.fail(signal?.reason));
      this.#waiting.add(waiter);
      this.#ticking ??= setInterval(() => this.#registry.tick(), TICK_MS);
    });
  }

  #stopTicking(): void {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #serve(): void {
    const full = new Set<string>();
    for (const waiter of this.#waiting) {
      const { request } = waiter;
      if (full.has(request.model)) continue;
      const place = this.#registry.reserve(request);
      if (place !== undefined) waiter.serve(place);
      else if (isPlain(request)) full.add(request.model);
    }
  }
}

/** Any worker of the model will do: when it finds none, nobody behind it does. */
const isPlain = ({ backend, hive_id, labels, exclude }: ReserveRequest): boolean =>
  backend === undefined && hive_id === undefined && labels === undefined && (exclude ?? []).length === 0;

const noRoom = (message: string): ClientError =>
  new ClientError("NO_WORKER", message, { status: 503, retryAfterSeconds: 1 });
