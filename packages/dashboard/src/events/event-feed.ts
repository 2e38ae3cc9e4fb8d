import type { EventList, EventsQuery, FleetEvent } from "@hive-registry/client";

/** Events that the page keeps; the oldest go first. The queen has more. */
export const EVENTS_KEPT_MAX = 1_000;
/** Of so many the first picture is made. */
export const EVENTS_FIRST = 200;

export type EventsFilter = Pick<EventsQuery, "type" | "level" | "hive_id" | "worker_id">;

/** The newest events that fit a filter, bounded, through restarts of the queen. Asked for again and again, it asks only for news. */
export class EventFeed {
  readonly #ask: (query: EventsQuery, signal: AbortSignal) => Promise<EventList>;
  readonly #filter: EventsFilter;
  #runId: string | undefined;
  #events: readonly FleetEvent[] = [];
  /** Up to here everything was seen. */
  #seen: number | undefined;

  constructor(ask: (query: EventsQuery, signal: AbortSignal) => Promise<EventList>, filter: EventsFilter) {
    this.#ask = ask;
    this.#filter = filter;
  }

  /** Newest first. */
  get events(): readonly FleetEvent[] {
    return this.#events;
  }

  /** What happened since the last time. @returns whether there may be more of it */
  async update(signal: AbortSignal): Promise<boolean> {
    const after = this.#seen;
    const list = await this.#ask(
      { ...this.#filter, limit: EVENTS_FIRST, ...(after === undefined ? {} : { after }) },
      signal,
    );
    if (this.#runId !== undefined && list.run_id !== this.#runId) {
      // Another run of the queen: its numbers begin anew. What was before stays readable.
      this.#runId = list.run_id;
      this.#seen = undefined;
      return true;
    }
    this.#runId = list.run_id;
    this.#seen = list.events.at(-1)?.id ?? after;
    if (list.events.length > 0) this.#events = [...list.events.toReversed(), ...this.#events].slice(0, EVENTS_KEPT_MAX);
    return after !== undefined && list.events.length === EVENTS_FIRST;
  }

  /** Two runs of a queen count alike, so a number alone names no event. */
  keyOf(event: FleetEvent): string {
    return `${event.at_ms}-${event.id}`;
  }
}
