import type { Reports } from "./room.ts";
import { SessionRing } from "./session-ring.ts";

/** What the rings need to know of the worker table. */
export interface RingView {
  seatsOf(group: number): Iterable<number>;
  rowOf(seat: number): number;
  readonly rows: Reports;
  /** A greater number whenever a worker comes to a model or leaves it; no two models ever have the same. */
  membershipOf(group: number): number;
}

/** Rings that are kept; a fleet with more models in use makes some of them anew now and then. */
export const RINGS_MAX = 256;

/** The rings of the models, and of models that one name means together. Each is made when it is asked for. */
export class SessionRings {
  readonly #view: RingView;
  readonly #rings: Map<string, { readonly membership: number; readonly ring: SessionRing }> = new Map();

  constructor(view: RingView) {
    this.#view = view;
  }

  /** Made anew when a worker came or went since, O(n log n) in the workers of the models. */
  of(groups: readonly number[]): SessionRing {
    const key = groups.join();
    let membership = 0;
    for (const group of groups) membership = Math.max(membership, this.#view.membershipOf(group));
    const known = this.#rings.get(key);
    if (known?.membership === membership) return known.ring;
    const ring = new SessionRing(groups.flatMap((group) => this.#membersOf(group)));
    if (known === undefined && this.#rings.size >= RINGS_MAX) this.#rings.clear();
    this.#rings.set(key, { membership, ring });
    return ring;
  }

  #membersOf(group: number): { readonly member: number; readonly name: string }[] {
    const { rows } = this.#view;
    return Array.from(this.#view.seatsOf(group), (seat) => {
      const row = this.#view.rowOf(seat);
      // Unique in the fleet, and the same as long as it lives.
      return { member: seat, name: JSON.stringify([rows.hiveIdAt(row), rows.idAt(row)]) };
    });
  }
}
