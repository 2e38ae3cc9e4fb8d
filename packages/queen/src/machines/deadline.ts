import { HiveError } from "@hive-registry/contract";
import type { Clock } from "../core/clock.ts";

/** @throws {HiveError} `TIMEOUT` when it takes longer, also when the signal is not heeded. */
export function withDeadline<T>(clock: Clock, withinMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    const stop = clock.after(withinMs, () => {
      const late = new HiveError("TIMEOUT", `The machine did not answer within ${withinMs / 1_000} s`);
      abort.abort(late);
      reject(late);
    });
    run(abort.signal).then(resolve, reject).finally(stop);
  });
}
