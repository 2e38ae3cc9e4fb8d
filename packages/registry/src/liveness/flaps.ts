/** Back within this time after it fell silent: it was not dead, it flaps. As Serf counts it. */
export const FLAP_WITHIN_MS = 60_000;
/** So many flaps … */
export const FLAPS_MAX = 5;
/** … within this time, and the hive is taken for one that flaps. */
export const FLAPS_WINDOW_MS = 600_000;

/** When hives came back that had just fallen silent. A hive takes memory here only while it does that. */
export class Flaps<Hive extends object> {
  /** The last times, {@link FLAPS_MAX} at most, oldest first. */
  readonly #times: Map<Hive, number[]> = new Map();

  /** It was silent since then, and is heard now. */
  isBack(hive: Hive, fellAtMs: number, nowMs: number): void {
    if (nowMs - fellAtMs >= FLAP_WITHIN_MS) return;
    const times = this.#times.get(hive) ?? [];
    times.push(nowMs);
    if (times.length > FLAPS_MAX) times.shift();
    this.#times.set(hive, times);
  }

  /** Fell silent and came back too often lately. */
  isFlapping(hive: Hive, nowMs: number): boolean {
    const times = this.#times.get(hive);
    if (times === undefined) return false;
    const isRecent = (ms: number | undefined): boolean => ms !== undefined && nowMs - ms < FLAPS_WINDOW_MS;
    if (!isRecent(times.at(-1))) this.#times.delete(hive);
    return times.length === FLAPS_MAX && isRecent(times[0]);
  }

  forget(hive: Hive): void {
    this.#times.delete(hive);
  }
}
