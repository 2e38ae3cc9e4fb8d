import type { Candidate, Reason, RecentChoice } from "@hive-registry/client";

/** One way in which choices ended for a worker. */
export interface Ending {
  /** Absent: it was the chosen one. */
  readonly reason: Reason | undefined;
  readonly times: number;
  readonly lastAtMs: number;
  /** The last of them, as it was then. */
  readonly last: Candidate;
  /** Whom the last of them chose instead; undefined where nobody had room, or it was this one. */
  readonly instead: RecentChoice["chosen"];
}

/** How the choices that looked at a worker ended for it, the way of the newest first. `choices`: of this worker, newest first. */
export function latelyOf(choices: readonly RecentChoice[]): Ending[] {
  const endings = new Map<Reason | undefined, Ending>();
  for (const { at_ms, candidates, chosen } of choices) {
    const [last] = candidates;
    if (last === undefined) continue;
    const { reason } = last;
    const known = endings.get(reason);
    if (known !== undefined) endings.set(reason, { ...known, times: known.times + 1 });
    else
      endings.set(reason, {
        reason,
        times: 1,
        lastAtMs: at_ms,
        last,
        instead: reason === undefined ? undefined : chosen,
      });
  }
  return [...endings.values()];
}
