import type { Engine, EngineLoad } from "./engine/engine.ts";
import { ApiError } from "./errors.ts";

export type WorkerPhase = "loading" | "ready" | "draining";

/** While clients are sent here, every change of the slots is told at once; this long after the last of them too. */
const HANDOVER_RECENT_MS = 60_000;

/** Where the worker stands: what the HTTP side, the metrics and the heartbeat all tell. */
export class WorkerStatus {
  readonly #slots: number;
  readonly #listeners = new Set<() => void>();
  #phase: WorkerPhase = "loading";
  #engine: Engine | undefined;
  #lastReservation: string | undefined;
  #lastHandover: { readonly id: string; readonly atMs: number } | undefined;

  readonly #now: () => number;

  /** @param deps.now ms since epoch */
  constructor(deps: { readonly now: () => number }, options: { readonly slots: number }) {
    this.#now = deps.now;
    this.#slots = options.slots;
  }

  get phase(): WorkerPhase {
    return this.#phase;
  }

  /** Id of the reservation that the latest request came with. */
  get lastReservation(): string | undefined {
    return this.#lastReservation;
  }

  /** Id of the reservation that the latest client came with who was sent here by a queen; undefined when that is long ago. */
  get lastHandover(): string | undefined {
    const last = this.#lastHandover;
    return last !== undefined && this.#now() - last.atMs < HANDOVER_RECENT_MS ? last.id : undefined;
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

  handedOver(reservationId: string): void {
    this.#lastHandover = { id: reservationId, atMs: this.#now() };
    this.reserved(reservationId);
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
