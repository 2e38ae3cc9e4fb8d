import {
  type HiveHeartbeatPayload,
  HiveRegistry,
  type Outcome,
  type Reservation,
  type ReserveRequest,
} from "hive-registry";
import type { Random } from "../random.ts";
import type { Agenda } from "./agenda.ts";
import type { Hearer } from "./hive.ts";
import { Line } from "./line.ts";

export interface SimQueenOptions {
  readonly place: string;
  readonly beatMs: number;
  /** Requests that may wait at her. */
  readonly lineMax: number;
}

const TICK_MS = 1_000;

/** A queen of the simulated world: the real registry, on this world's clock, and a line before it. */
export class SimQueen implements Hearer {
  readonly place: string;
  readonly registry: HiveRegistry;
  readonly line: Line;
  readonly #agenda: Agenda;
  /** Reservations that were made at her. */
  #reservations = 0;

  constructor(deps: { readonly agenda: Agenda; readonly random: Random }, options: SimQueenOptions) {
    const { agenda, random } = deps;
    this.place = options.place;
    this.#agenda = agenda;
    // Whole ms, as the real queen's clock.
    const now = () => Math.floor(agenda.now());
    this.registry = new HiveRegistry({ now, intervalMs: options.beatMs, random: random.next });
    this.line = new Line({ registry: this.registry, agenda }, options.lineMax);
    this.#tick();
  }

  get reservations(): number {
    return this.#reservations;
  }

  hear(payload: HiveHeartbeatPayload): void {
    this.registry.updateHiveState(payload.hive_id, payload, { receivedAtMs: Math.floor(this.#agenda.now()) });
  }

  disconnected(hiveId: string): void {
    this.registry.suspectHive(hiveId);
  }

  /** As {@link Line.reserve}. */
  reserve(request: ReserveRequest, waitMs: number, served: (reservation: Reservation | undefined) => void): () => void {
    return this.line.reserve(request, waitMs, (reservation) => {
      if (reservation !== undefined) this.#reservations++;
      served(reservation);
    });
  }

  release(reservationId: string, outcome: Outcome): void {
    this.registry.release(reservationId, outcome);
  }

  #tick(): void {
    this.registry.tick();
    this.#agenda.after(TICK_MS, () => this.#tick());
  }
}
