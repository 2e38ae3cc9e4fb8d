import { HiveError } from "@hive-registry/contract";
import type { HiveRegistry } from "hive-registry";
import type { Clock } from "./clock.ts";

/** How long a hive that was started may take until its first heartbeat, ms. */
export const FIRST_HEARTBEAT_WITHIN_MS = 60_000;

/** What a hive was before it was started: whatever it sends from now on as the same boot does not count. */
export interface Before {
  readonly at_ms: number;
  readonly boot_id?: string;
}

export function beforeStart(deps: { readonly registry: HiveRegistry; readonly clock: Clock }, hiveId: string): Before {
  const boot_id = deps.registry.getHiveState(hiveId)?.boot_id;
  return { at_ms: deps.clock.nowMs(), ...(boot_id === undefined ? {} : { boot_id }) };
}

/** The hive as the one who started it sees it. */
export interface Watched {
  stillRuns(): boolean | Promise<boolean>;
  /** The last lines it printed. */
  lastWords(): string | Promise<string>;
}

/**
 * Resolves with the first heartbeat that was received since.
 *
 * @throws {HiveError} `HIVE_FAILED` when the hive does not run, in `looks` looks one after another; `TIMEOUT`. Both with its last words.
 */
export function firstHeartbeat(
  deps: { readonly registry: HiveRegistry; readonly clock: Clock; readonly hive: Watched },
  hiveId: string,
  options: {
    readonly before: Before;
    readonly withinMs: number;
    readonly lookEveryMs: number;
    /** Default: 1. */
    readonly looks?: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { registry, clock, hive } = deps;
  const { before, withinMs, lookEveryMs, looks = 1, signal } = options;
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    let settled = false;
    let gone = 0;
    let looking = false;
    const settle = (end: () => void) => {
      if (settled) return;
      settled = true;
      for (const stop of stops.splice(0)) stop();
      end();
    };
    const fail = (code: "HIVE_FAILED" | "TIMEOUT", message: string) =>
      settle(() => {
        void wordsOf(hive).then((output_tail) => reject(new HiveError(code, message, { details: { output_tail } })));
      });
    const look = async () => {
      if (looking) return;
      looking = true;
      // Who cannot be asked now is asked again.
      const runs = await new Promise<boolean>((answer) => answer(hive.stillRuns())).catch(() => true);
      looking = false;
      gone = runs ? 0 : gone + 1;
      if (gone >= looks) fail("HIVE_FAILED", `The hive ${hiveId} ended before it was heard`);
    };
    const check = () => {
      const state = registry.getHiveState(hiveId);
      if (state === undefined || state.received_at_ms < before.at_ms) return;
      if (state.boot_id !== undefined && state.boot_id === before.boot_id) return;
      settle(resolve);
    };
    const onAbort = () => settle(() => reject(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    stops.push(
      () => signal.removeEventListener("abort", onAbort),
      registry.subscribe((event) => {
        if ("hive_id" in event && event.hive_id === hiveId) check();
      }),
      clock.every(lookEveryMs, () => void look()),
      clock.after(withinMs, () => fail("TIMEOUT", `No heartbeat of ${hiveId} came within ${withinMs / 1_000} s`)),
    );
    if (signal.aborted) onAbort();
    else check();
  });
}

const wordsOf = (hive: Watched): Promise<string> =>
  new Promise<string>((answer) => answer(hive.lastWords())).catch(() => "");
