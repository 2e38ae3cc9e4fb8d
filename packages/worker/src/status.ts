import type { Engine, EngineLoad } from "./engine/engine.ts";
import { ApiError } from "./errors.ts";

export type WorkerPhase = "loading" | "ready" | "draining";

/** Where the worker stands: what the HTTP side, the metrics and the heartbeat all tell. */
export class WorkerStatus {
  readonly #slots: number;
  readonly #listeners = new Set<() => void>();
  #phase: WorkerPhase = "loading";
  #engine: Engine | undefined;
  #lastReservation: string | undefined;

  constructor(options: { readonly slots: number }) {
    this.#slots = options.slots;
  }

  get phase(): WorkerPhase {
    return this.#phase;
  }

  /** Id of the reservation that the latest request came with. */
  get lastReservation(): string | undefined {
    return this.#lastReservation;
  }

  /** The engine as it is, for telling about it; `undefined` while the model loads. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /**
   * The engine, for giving it work.
   *
   * @throws {ApiError} `LOADING`, `DRAINING`
   */
  takeWork(): Engine {
    if (this.#engine === undefined) throw new ApiError("LOADING", "Loading model");
    if (this.#phase === "draining") throw new ApiError("DRAINING", "this worker is stopping and takes no new work");
    return this.#engine;
  }

  load(): EngineLoad {
    return this.#engine?.load() ?? { slots_total: this.#slots, slots_busy: 0, queue_depth: 0 };
  }

  ready(engine: Engine): void {
    this.#engine = engine;
    this.#phase = "ready";
    engine.onChange(() => this.#changed());
    this.#changed();
  }

  drain(): void {
    this.#phase = "draining";
    this.#changed();
  }

  reserved(reservationId: string): void {
    this.#lastReservation = reservationId;
    this.#changed();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
