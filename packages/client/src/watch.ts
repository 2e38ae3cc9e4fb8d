import type { WatchQuery } from "@hive-registry/contract";
import type { RegistryEvent, RegistrySnapshot } from "hive-registry";
import { type BackoffOptions, backoffMs, pause } from "./backoff.ts";
import { BAD_REPLY, ClientError, errorInBody, isFinal, STREAM_CUT } from "./errors.ts";
import type { Transport } from "./transport.ts";

export interface WatchOptions {
  readonly signal?: AbortSignal;
  /** Go on after this event instead of starting with a snapshot. */
  readonly lastEventId?: string;
  readonly backoff?: BackoffOptions;
  /** A stream on which nothing comes for so long, not even a keep-alive (every 15 s), counts as dead. */
  readonly idleMs?: number;
  /** Told each time a stream opened. */
  readonly onOpen?: () => void;
  /** Told each time a stream failed, and when the next try is due. */
  readonly onRetry?: (failure: { readonly error: unknown; readonly attempt: number; readonly delayMs: number }) => void;
}

export const WATCH_BACKOFF: BackoffOptions = { firstMs: 250, maxMs: 10_000 };
export const WATCH_IDLE_MS = 45_000;

export async function* watchStream(
  queen: Transport,
  query: WatchQuery,
  options: WatchOptions,
): AsyncGenerator<RegistrySnapshot | RegistryEvent, void> {
  const { signal } = options;
  let lastEventId = options.lastEventId;
  for (let attempt = 0; signal?.aborted !== true; ) {
    try {
      const events = queen.events("/api/v1/watch", {
        query: { ...query },
        idleMs: options.idleMs ?? WATCH_IDLE_MS,
        onOpen: options.onOpen,
        ...(lastEventId === undefined ? {} : { headers: { "last-event-id": lastEventId } }),
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const event of events) {
        if (event.event === "error") throw streamError(event.data);
        if (event.event !== "snapshot" && event.event !== "change") continue;
        attempt = 0;
        yield parsedEvent(event.data);
        // Only after the reader came back for more: what it did not take must come again.
        lastEventId = event.id;
      }
      throw new ClientError(STREAM_CUT, "The queen closed the watch stream");
    } catch (error) {
      if (signal?.aborted) return;
      if (isFinal(error)) throw error;
      attempt += 1;
      const delayMs = backoffMs(attempt, options.backoff ?? WATCH_BACKOFF, Math.random());
      options.onRetry?.({ error, attempt, delayMs });
      await pause(delayMs, signal);
    }
  }
}

/** Its own status is left out: the stream was accepted, so another try is always right. */
function streamError(data: string): ClientError {
  let body: unknown;
  try {
    body = JSON.parse(data);
  } catch {
    body = undefined;
  }
  const known = errorInBody(body) ?? errorInBody({ error: body });
  return new ClientError(known?.code ?? "INTERNAL", known?.message ?? "The queen ended the watch stream with an error");
}

function parsedEvent(data: string): RegistrySnapshot | RegistryEvent {
  try {
    return JSON.parse(data) as RegistrySnapshot | RegistryEvent;
  } catch (cause) {
    throw new ClientError(BAD_REPLY, "The watch stream carried something that is not JSON", { cause });
  }
}
