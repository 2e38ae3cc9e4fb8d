import type { ClientError, FleetEvent, HiveClient } from "@hive-registry/client";
import { useEffect, useState } from "preact/hooks";
import { asClientError } from "../app/use-call.ts";
import { EventFeed, type EventsFilter } from "./event-feed.ts";

/**
 * How often news is asked for. People do not read faster; and a browser opens six connections to one host, of which each tab holds
 * one for the fleet already: a second stream in each would leave none for the third tab.
 */
const ASK_EVERY_MS = 2_000;

export interface EventsView {
  /** Newest first; undefined until they are known. */
  readonly events: readonly FleetEvent[] | undefined;
  readonly error: ClientError | undefined;
  readonly keyOf: (event: FleetEvent) => string;
}

/** Events as they happen. While it is paused or the page hidden nothing is asked; then what was missed comes. */
export function useEvents(
  client: HiveClient,
  filter: EventsFilter,
  options: { readonly isPaused: boolean },
): EventsView {
  const { type, level, hive_id, worker_id } = filter;
  const [feed, setFeed] = useState<EventFeed>();
  const [, draw] = useState(0);
  const [error, setError] = useState<ClientError>();

  useEffect(() => {
    setFeed(new EventFeed((query, signal) => client.events(query, { signal }), filter));
  }, [client, type, level, hive_id, worker_id]);

  const [known, setKnown] = useState<EventFeed>();
  useEffect(() => {
    if (feed === undefined || options.isPaused) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      let hasMore = false;
      try {
        if (document.visibilityState === "visible") {
          hasMore = await feed.update(ending.signal);
          setKnown(feed);
          setError(undefined);
          draw((count) => count + 1);
        }
      } catch (thrown) {
        if (!ending.signal.aborted) setError(asClientError(thrown));
      }
      if (!ending.signal.aborted) timer = setTimeout(() => void run(), hasMore ? 0 : ASK_EVERY_MS);
    };
    void run();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [feed, options.isPaused]);

  const isKnown = known !== undefined && known === feed;
  return {
    events: isKnown ? known.events : undefined,
    error,
    keyOf: (event) => feed?.keyOf(event) ?? String(event.id),
  };
}
