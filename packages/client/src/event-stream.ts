import type { EventsQuery, FleetEvent } from "@hive-registry/contract";
import { backoffMs, pause } from "./backoff.ts";
import { BAD_REPLY, ClientError, errorInBody, isFinal, STREAM_CUT } from "./errors.ts";
import type { Transport } from "./transport.ts";
import { WATCH_BACKOFF, WATCH_IDLE_MS, type WatchOptions } from "./watch.ts";

export type FollowEventsOptions = WatchOptions;

/** Events as they happen, through lost connections and queens that restart. */
export async function* eventStream(
  queen: Transport,
  query: EventsQuery,
  options: FollowEventsOptions,
): AsyncGenerator<FleetEvent, void> {
  const { signal } = options;
  let lastEventId = options.lastEventId;
  for (let attempt = 0; signal?.aborted !== true; ) {
    try {
      const events = queen.events("/api/v1/events", {
        query: { ...query },
        idleMs: options.idleMs ?? WATCH_IDLE_MS,
        onOpen: options.onOpen,
        ...(lastEventId === undefined ? {} : { headers: { "last-event-id": lastEventId } }),
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const { event, id, data } of events) {
        if (event === "error") throw errorOf(data);
        if (event !== "event") continue;
        attempt = 0;
        yield parsed(data);
        // Only after the reader came back for more: what it did not take must come again.
        lastEventId = id;
      }
      throw new ClientError(STREAM_CUT, "The queen closed the stream of events");
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
function errorOf(data: string): ClientError {
  let body: unknown;
  try {
    body = JSON.parse(data);
  } catch {
    body = undefined;
  }
  const known = errorInBody(body);
  return new ClientError(known?.code ?? "INTERNAL", known?.message ?? "The queen ended the stream of events");
}

function parsed(data: string): FleetEvent {
  try {
    return JSON.parse(data) as FleetEvent;
  } catch (cause) {
    throw new ClientError(BAD_REPLY, "The stream of events carried something that is not JSON", { cause });
  }
}
