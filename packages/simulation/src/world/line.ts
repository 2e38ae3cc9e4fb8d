import type { HiveRegistry, Reservation, ReserveRequest } from "hive-registry";
import type { Agenda } from "./agenda.ts";

interface Waiter {
  readonly request: ReserveRequest;
  readonly served: (reservation: Reservation | undefined) => void;
  readonly stopTimer: () => void;
}

/**
 * Requests for one model that wait at a queen for room, by the rule of the real one: first come first served, woken by what makes
 * room (a reservation that ends, a heartbeat), bounded, and not for ever.
 */
export class Line {
  readonly #registry: HiveRegistry;
  readonly #agenda: Agenda;
  readonly #max: number;
  readonly #waiting: Set<Waiter> = new Set();
  #longest = 0;

  constructor(deps: { readonly registry: HiveRegistry; readonly agenda: Agenda }, max: number) {
    this.#registry = deps.registry;
    this.#agenda = deps.agenda;
    this.#max = max;
    deps.registry.onRoom(() => this.#serve());
    deps.registry.subscribe(({ type }) => {
      if (type === "hive.heartbeat" || type === "hive.lease") this.#serve();
    });
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** The most that ever waited. */
  get longest(): number {
    return this.#longest;
  }

  /**
   * Calls `served` once, at once or within `waitMs`: undefined when there was no room in time, or too many wait.
   *
   * @returns what leaves the line; `served` is not called then.
   */
  reserve(request: ReserveRequest, waitMs: number, served: (reservation: Reservation | undefined) => void): () => void {
    const reservation = this.#waiting.size === 0 ? this.#registry.reserve(request) : undefined;
    if (reservation !== undefined || this.#waiting.size >= this.#max) {
      served(reservation);
      return () => undefined;
    }
    const stopTimer = this.#agenda.after(waitMs, () => {
      this.#waiting.delete(waiter);
      served(undefined);
    });
    const waiter: Waiter = { request, served, stopTimer };
    this.#waiting.add(waiter);
    this.#longest = Math.max(this.#longest, this.#waiting.size);
    return () => {
      stopTimer();
      this.#waiting.delete(waiter);
    };
  }

  /** In their order; one whose wish cannot be met does not hold up those behind it. */
  #serve(): void {
    for (const waiter of this.#waiting) {
      const reservation = this.#registry.reserve(waiter.request);
      if (reservation !== undefined) {
        this.#waiting.delete(waiter);
        waiter.stopTimer();
        waiter.served(reservation);
      } else if (waiter.request.exclude === undefined) return;
    }
  }
}
