import { hashText, mix } from "../indexes/hash.ts";

/** How many places on the ring a session looks at: more spread the sessions more evenly. */
const PROBES = 21;

/**
 * The members of a pool on a ring, by a hash of their names. A session goes to whoever of its probes' next members is
 * nearest ("multi-probe consistent hashing", Appleton & O'Reilly 2015): as even as with a hundred places for each member,
 * at the memory of one. When a member comes or goes, only the sessions next to it move.
 */
export class SessionRing {
  readonly #points: Float64Array;
  readonly #members: Int32Array;

  /** @param members with the name that each keeps as long as it lives. */
  constructor(members: readonly { readonly member: number; readonly name: string }[]) {
    const sorted = members
      .map(({ member, name }) => ({ member, point: mix(hashText(name)) }))
      .sort((a, b) => a.point - b.point || a.member - b.member);
    this.#points = Float64Array.from(sorted, ({ point }) => point);
    this.#members = Int32Array.from(sorted, ({ member }) => member);
  }

  /** The first member that accepts, beginning with the session's own and going on around the ring; -1 when none does. */
  find(session: string, accepts: (member: number) => boolean): number {
    for (const member of this.following(session)) if (accepts(member)) return member;
    return -1;
  }

  /** All members, beginning with the session's own and going on around the ring. */
  *following(session: string): Generator<number> {
    const count = this.#members.length;
    if (count === 0) return;
    const start = this.#home(session);
    for (let step = 0; step < count; step++) yield this.#members[(start + step) % count] as number;
  }

  #home(session: string): number {
    const hash = hashText(session);
    let best = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let probe = 0; probe < PROBES; probe++) {
      const point = mix(hash + Math.imul(probe, 0x9e3779b9));
      const at = this.#next(point);
      const distance = ((this.#points[at] as number) - point + 2 ** 32) % 2 ** 32;
      if (distance < nearest) {
        nearest = distance;
        best = at;
      }
    }
    return best;
  }

  /** Where the first point at or after this one is. */
  #next(point: number): number {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#points[middle] as number) < point) low = middle + 1;
      else high = middle;
    }
    return low % this.#points.length;
  }
}
