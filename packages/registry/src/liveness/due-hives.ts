import { DeadlineHeap, type Due } from "../indexes/deadline-heap.ts";

interface DueHive extends Due {
  readonly receivedAtMs: number;
}

/**
 * Hives in the order in which something is to be done about them: those that are there, by when to doubt them; those that are
 * silent, by when they were heard, for the longest silent is evicted first. Each is in one of the two, or in none.
 */
export class DueHives<Hive extends DueHive> {
  readonly #doubts: DeadlineHeap<Hive> = new DeadlineHeap();
  readonly #silent: DeadlineHeap<Hive> = new DeadlineHeap();

  /** It is there, and is to be looked at by then; `exactly`: not before. */
  watch(hive: Hive, atMs: number, exactly: boolean): void {
    this.#silent.remove(hive);
    this.#doubts.schedule(hive, atMs, exactly);
  }

  isSilent(hive: Hive): void {
    this.#doubts.remove(hive);
    this.#silent.schedule(hive, hive.receivedAtMs, true);
  }

  remove(hive: Hive): void {
    this.#doubts.remove(hive);
    this.#silent.remove(hive);
  }

  /** Who is to be doubted by now. */
  toDoubt(nowMs: number): Hive | undefined {
    return this.#doubts.due(nowMs);
  }

  /** Who is silent and was heard last, of all, at `untilMs` or before. */
  longestSilent(untilMs: number): Hive | undefined {
    return this.#silent.due(untilMs);
  }

  /** How many silent ones were heard last at `untilMs` or before. Costs the answer. */
  countSilent(untilMs: number): number {
    return this.#silent.countDue(untilMs);
  }
}
