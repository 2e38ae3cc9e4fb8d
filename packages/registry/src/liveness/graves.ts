import { PAST_BOOTS_MAX } from "../heartbeats/order.ts";

/** Evicted hives of which the boots are remembered; beyond that, those evicted longest ago are not. */
export const GRAVES_MAX = 10_000;

/** The boots of hives that were evicted: what an earlier boot sent must not pass for a new hive because it took long. */
export class Graves {
  /** By hive, in the order of their evictions; the last boot of each is the one that it had. */
  readonly #boots: Map<string, readonly string[]> = new Map();

  bury(hive: {
    readonly hiveId: string;
    readonly bootId: string | undefined;
    readonly pastBoots: string[] | undefined;
  }): void {
    if (hive.bootId === undefined) return;
    this.#boots.set(hive.hiveId, [...(hive.pastBoots ?? []), hive.bootId]);
    if (this.#boots.size <= GRAVES_MAX) return;
    for (const oldest of this.#boots.keys()) {
      this.#boots.delete(oldest);
      return;
    }
  }

  /** Whether the hive had another boot after this one. */
  isPast(hiveId: string, bootId: string | undefined): boolean {
    const boots = this.#boots.get(hiveId);
    return boots !== undefined && bootId !== undefined && boots.lastIndexOf(bootId, -2) !== -1;
  }

  /** It is back with this boot. @returns those that it had before. */
  rise(hiveId: string, bootId: string | undefined): string[] | undefined {
    const boots = this.#boots.get(hiveId);
    if (boots === undefined) return undefined;
    this.#boots.delete(hiveId);
    const past = boots.filter((boot) => boot !== bootId).slice(-PAST_BOOTS_MAX);
    return past.length === 0 ? undefined : past;
  }
}
