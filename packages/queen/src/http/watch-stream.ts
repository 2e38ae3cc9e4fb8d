import type { ServerResponse } from "node:http";
import { HiveError, type WatchQuery } from "@hive-registry/contract";
import type { RegistryEvent } from "hive-registry";
import type { Clock } from "../core/clock.ts";
import type { Queen } from "../core/queen.ts";
import { type WatchFilter, watchFilter } from "./watch-filter.ts";
import { changeFrame, type FrameCache, frame } from "./watch-frames.ts";

/** A comment is sent this often, so that nobody on the way takes a quiet stream for a dead one. */
export const KEEP_ALIVE_MS = 15_000;
/** Hives of a snapshot that are written between two looks at everything else there is to do. */
const SNAPSHOT_SLICE = 64;
/** How long a reader that was cut off may take to read why. */
export const FAREWELL_MS = 2_000;

export function beginEventStream(response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
}

/**
 * Writes the fleet to one watcher: a snapshot, then every change in order, each with its id. It waits for a slow reader and
 * keeps only that reader's place in the log, so slowness costs no memory; who falls behind the log's far end is cut off.
 */
export class WatchStream {
  readonly #queen: Queen;
  readonly #clock: Clock;
  readonly #frames: FrameCache;
  readonly #response: ServerResponse;
  readonly #filter: WatchFilter | undefined;
  readonly #stops: (() => void)[] = [];
  /** Revision up to which this watcher is served. */
  #place = 0;
  /** Revision of the last change that was sent to it, or of its snapshot. */
  #sent = 0;
  /** The snapshot is out. */
  #following = false;
  #closed = false;

  constructor(
    deps: {
      readonly queen: Queen;
      readonly clock: Clock;
      readonly frames: FrameCache;
      readonly response: ServerResponse;
    },
    query: WatchQuery,
  ) {
    this.#queen = deps.queen;
    this.#clock = deps.clock;
    this.#frames = deps.frames;
    this.#response = deps.response;
    this.#filter = watchFilter(query);
  }

  /** @param lastEventId where an earlier stream ended; when it cannot be continued, the stream begins with a snapshot. */
  open(lastEventId: string | undefined): void {
    beginEventStream(this.#response);
    this.#response.on("close", () => this.#leave());
    this.#response.on("drain", () => this.#pump());
    this.#stops.push(
      this.#queen.changes.onAppend(() => this.#pump()),
      this.#clock.every(KEEP_ALIVE_MS, () => {
        if (!this.#response.writableNeedDrain) this.#response.write(": keep-alive\n\n");
      }),
    );
    const resumeAt = this.#resumable(lastEventId);
    if (resumeAt === undefined) {
      void this.#sendSnapshot();
      return;
    }
    this.#place = resumeAt;
    this.#sent = resumeAt;
    this.#following = true;
    this.#response.write(": resumed\n\n");
    this.#pump();
  }

  /** Says why and ends the stream; a watcher may come back. */
  end(error: HiveError): void {
    if (this.#closed) return;
    this.#response.end(frame("error", undefined, JSON.stringify(error.toBody())));
    this.#clock.after(FAREWELL_MS, () => this.#response.destroy());
    this.#leave();
  }

  /** A filter remembers which hives it let pass, so only the whole stream can be continued. */
  #resumable(lastEventId: string | undefined): number | undefined {
    if (lastEventId === undefined || this.#filter !== undefined) return undefined;
    const revision = this.#frames.revisionOf(lastEventId);
    return revision !== undefined && this.#queen.changes.follows(revision) ? revision : undefined;
  }

  /** In slices: a snapshot can have many megabytes, and heartbeats must not wait for it. */
  async #sendSnapshot(): Promise<void> {
    const { hives: all, ...rest } = this.#queen.snapshot();
    const hives = this.#filter?.hives(all) ?? all;
    const { revision } = rest;
    this.#place = revision;
    this.#sent = revision;
    const head = JSON.stringify(rest);
    await this.#write(`event: snapshot\nid: ${this.#frames.idOf(revision)}\ndata: ${head.slice(0, -1)},"hives":[`);
    for (let from = 0; from < hives.length && !this.#closed; from += SNAPSHOT_SLICE) {
      const slice = hives.slice(from, from + SNAPSHOT_SLICE).map((hive) => JSON.stringify(hive));
      await this.#write(`${from === 0 ? "" : ","}${slice.join(",")}`);
    }
    await this.#write("]}\n\n");
    this.#following = true;
    this.#pump();
  }

  /** Writes, and waits until there is room for more and everything else had its turn. */
  #write(text: string): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const hasRoom = this.#response.write(text);
    return new Promise((resolve) => {
      if (hasRoom) {
        setImmediate(resolve);
        return;
      }
      const done = () => {
        this.#response.off("drain", done);
        this.#response.off("close", done);
        resolve();
      };
      this.#response.on("drain", done);
      this.#response.on("close", done);
    });
  }

  #pump(): void {
    const log = this.#queen.changes;
    while (!this.#closed && this.#place < log.last) {
      const event = log.at(this.#place + 1);
      if (event === undefined) {
        this.end(
          new HiveError("WATCH_TOO_SLOW", "This reader fell too far behind. Watch again: it starts with a snapshot"),
        );
        return;
      }
      if (!this.#following || this.#response.writableNeedDrain) return;
      this.#place = event.revision;
      this.#send(event);
    }
  }

  #send(event: RegistryEvent): void {
    if (this.#filter === undefined) {
      this.#response.write(this.#frames.of(event));
    } else if (this.#filter.passes(event)) {
      this.#response.write(changeFrame(this.#frames.idOf(event.revision), { ...event, follows: this.#sent }));
    } else {
      return;
    }
    this.#sent = event.revision;
  }

  #leave(): void {
    this.#closed = true;
    for (const stop of this.#stops.splice(0)) stop();
  }
}
