import type { RegistryEvent, RegistrySnapshot } from "hive-registry";
import { backoffMs, pause } from "./backoff.ts";
import type { HiveClient } from "./queen-client.ts";
import { WATCH_BACKOFF, type WatchOptions } from "./watch.ts";

/** What a replica must offer: a `HiveRegistry` does. */
export interface Replica {
  /** Throws an error with the code `REVISION_GAP` when `change` does not follow what it has. */
  apply(change: RegistrySnapshot | RegistryEvent): void;
}

export interface Following {
  /** Resolves once the first snapshot is applied; rejects when following ended before. */
  readonly ready: Promise<void>;
  /** Resolves after `stop` or an abort; rejects with what trying again does not heal, such as a wrong token. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export type FollowOptions = Omit<WatchOptions, "lastEventId"> & {
  /** For who draws: of each hive the latest, at most so many a second; the first snapshot is then small, and the rest follows it. */
  readonly hivesPerSecond?: number;
};

/**
 * Keeps `registry` the same as the queen's, through lost connections and queens that restart. Between a lost connection
 * and the next one it holds what was last known: `onRetry` tells how long that has been so.
 */
export function follow(
  deps: { readonly client: Pick<HiveClient, "watch">; readonly registry: Replica },
  { hivesPerSecond, ...options }: FollowOptions = {},
): Following {
  const stopping = new AbortController();
  const signal = options.signal === undefined ? stopping.signal : AbortSignal.any([options.signal, stopping.signal]);
  let becomeReady: () => void = () => undefined;
  let failReady: (reason: unknown) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    becomeReady = resolve;
    failReady = reject;
  });

  const query = hivesPerSecond === undefined ? {} : { hives_per_second: hivesPerSecond };
  const run = async () => {
    for (let gaps = 0; !signal.aborted; ) {
      try {
        for await (const change of deps.client.watch(query, { ...options, signal })) {
          deps.registry.apply(change);
          becomeReady();
          if (change.type !== "snapshot") gaps = 0;
        }
      } catch (error) {
        if (!isRevisionGap(error)) throw error;
        // The next stream starts with a snapshot. The pause keeps a queen with a defect from being asked without end.
        gaps += 1;
        const delayMs = backoffMs(gaps, options.backoff ?? WATCH_BACKOFF, Math.random());
        options.onRetry?.({ error, attempt: gaps, delayMs });
        await pause(delayMs, signal);
      }
    }
  };
  const ended = run();
  ended.then(
    () => failReady(new Error("following was stopped before the first snapshot")),
    (error) => failReady(error),
  );
  // Whoever looks at neither is told through `onRetry` only; that is no unhandled rejection.
  ready.catch(() => undefined);
  ended.catch(() => undefined);
  return {
    ready,
    ended,
    async stop() {
      stopping.abort();
      await ended.catch(() => undefined);
    },
  };
}

function isRevisionGap(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "REVISION_GAP";
}
