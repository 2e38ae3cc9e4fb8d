import type { ServerResponse } from "node:http";
import { EVENTS_PAGE_DEFAULT, type EventsQuery, type FleetEvent, HiveError } from "@hive-registry/contract";
import type { Clock } from "../core/clock.ts";
import { type EventLog, eventFilter } from "./event-log.ts";

/** A comment is sent this often, so that nobody on the way takes a quiet stream for a dead one. */
export const KEEP_ALIVE_MS = 15_000;
/** How long a reader that was cut off may take to read why. */
const FAREWELL_MS = 2_000;

/**
 * Writes events to one reader, from its place in the log on. It waits for a slow reader and keeps only that reader's place, so
 * slowness costs no memory; who falls behind the log's far end is cut off.
 */
export class EventStream {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #response: ServerResponse;
  readonly #fits: (event: FleetEvent) => boolean;
  readonly #stops: (() => void)[] = [];
  /** Up to here the reader is served. */
  #place: number;
  #closed = false;

  /** @param lastEventId where an earlier stream ended: `RUN-ID`. Of another run of the queen, everything is news. */
  constructor(
    deps: { readonly log: EventLog; readonly clock: Clock; readonly response: ServerResponse },
    query: EventsQuery,
    lastEventId: string | undefined,
  ) {
    this.#log = deps.log;
    this.#clock = deps.clock;
    this.#response = deps.response;
    this.#fits = eventFilter(query);
    this.#place = Math.max(this.#log.forgotten, this.#beginning(query, lastEventId));
  }

  open(): void {
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    this.#response.write(": events\n\n");
    this.#response.on("close", () => this.#leave());
    this.#response.on("drain", () => this.#pump());
    this.#stops.push(
      this.#log.onAppend(() => this.#pump()),
      this.#clock.every(KEEP_ALIVE_MS, () => {
        if (!this.#response.writableNeedDrain) this.#response.write(": keep-alive\n\n");
      }),
    );
    this.#pump();
  }

  /** Says why and ends the stream; a reader may come back. */
  end(error: HiveError): void {
    if (this.#closed) return;
    this.#response.end(`event: error\ndata: ${JSON.stringify(error.toBody())}\n\n`);
    this.#clock.after(FAREWELL_MS, () => this.#response.destroy());
    this.#leave();
  }

  #beginning(query: EventsQuery, lastEventId: string | undefined): number {
    if (lastEventId !== undefined) {
      const [run, id = ""] = lastEventId.split("-", 2);
      return run === this.#log.runId && /^\d{1,15}$/.test(id) ? Math.min(Number(id), this.#log.last) : 0;
    }
    if (query.after !== undefined) return Math.min(query.after, this.#log.last);
    // As a listing begins: with the newest that fit.
    const [first] = this.#log.list({ ...query, limit: query.limit ?? EVENTS_PAGE_DEFAULT }).events;
    return first === undefined ? this.#log.last : first.id - 1;
  }

  #pump(): void {
    const log = this.#log;
    while (!this.#closed && this.#place < log.last) {
      const event = log.at(this.#place + 1);
      if (event === undefined) {
        const message = "This reader fell too far behind: events were lost to it. Follow again from the newest";
        this.end(new HiveError("WATCH_TOO_SLOW", message));
        return;
      }
      if (this.#response.writableNeedDrain) return;
      this.#place = event.id;
      if (!this.#fits(event)) continue;
      this.#response.write(`event: event\nid: ${log.runId}-${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
    }
  }

  #leave(): void {
    this.#closed = true;
    for (const stop of this.#stops.splice(0)) stop();
  }
}
