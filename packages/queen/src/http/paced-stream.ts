import type { ServerResponse } from "node:http";
import { HiveError } from "@hive-registry/contract";
import type { Clock } from "../core/clock.ts";
import type { Queen } from "../core/queen.ts";
import { PacedNews } from "./paced-news.ts";
import type { HiveTexts } from "./paced-texts.ts";
import { frame } from "./watch-frames.ts";
import { beginEventStream, FAREWELL_MS, KEEP_ALIVE_MS } from "./watch-stream.ts";

/** As often as this hives are told, unless one a time would be too many. */
const TICK_MS = 100;
/**
 * Hives that are told at once before everything else has its turn: about 1 ms of work, here and where it is read. The first
 * picture comes in such pieces too, so that a page draws while it comes.
 */
const SLICE = 32;
/** A reader that takes nothing for so long is gone, or as good as gone. */
export const STALLED_MAX_MS = 60_000;

/**
 * Writes the fleet to one watcher that draws it: first every hive, then of each the latest, and so many a second at most. Who
 * fell quiet, came back or went is told at once. It keeps no changes: a reader that is slow gets newer states, not more of
 * them, and costs no more than a note for each hive.
 */
export class PacedStream {
  readonly #queen: Queen;
  readonly #clock: Clock;
  readonly #response: ServerResponse;
  readonly #news: PacedNews;
  readonly #hivesPerMs: number;
  readonly #stops: (() => void)[] = [];
  /** Hives that may be told now; a part of one is kept for the next time. */
  #allowance = 0;
  #stalledSinceMs: number | undefined = undefined;
  /** Every hive that was there at the beginning is told. */
  #complete = false;
  #closed = false;

  constructor(
    deps: {
      readonly queen: Queen;
      readonly clock: Clock;
      readonly texts: HiveTexts;
      readonly response: ServerResponse;
    },
    options: { readonly hivesPerSecond: number },
  ) {
    this.#queen = deps.queen;
    this.#clock = deps.clock;
    this.#response = deps.response;
    this.#news = new PacedNews(deps.texts);
    this.#hivesPerMs = options.hivesPerSecond / 1_000;
  }

  open(): void {
    beginEventStream(this.#response);
    this.#response.on("close", () => this.#leave());
    this.#response.on("drain", () => {
      this.#stalledSinceMs = undefined;
      this.#tellUrgent();
    });
    const news = this.#news;
    const { hives, ...rest } = this.#queen.snapshot();
    const first = hives.slice(0, SLICE);
    for (const { report, status } of first) news.told(report.hive_id, status === "alive");
    for (const { report } of hives.slice(SLICE)) news.heard(report.hive_id);
    this.#response.write(frame("snapshot", undefined, JSON.stringify({ ...rest, revision: 0, hives: first })));
    const tickMs = Math.max(TICK_MS, 1 / this.#hivesPerMs);
    this.#stops.push(
      this.#queen.onHeard((hiveId, lease) => news.heard(hiveId, lease)),
      this.#queen.registry.subscribe(
        (event) => {
          news.happened(event);
          this.#tellUrgent();
        },
        { heartbeats: false },
      ),
      this.#clock.every(tickMs, () => this.#tick(tickMs)),
      this.#clock.every(KEEP_ALIVE_MS, () => {
        if (!this.#isStalled()) this.#response.write(": keep-alive\n\n");
      }),
    );
    void this.#tellAll(hives.length - first.length);
  }

  /** Says why and ends the stream; a watcher may come back. */
  end(error: HiveError): void {
    if (this.#closed) return;
    this.#response.end(frame("error", undefined, JSON.stringify(error.toBody())));
    this.#clock.after(FAREWELL_MS, () => this.#response.destroy());
    this.#leave();
  }

  /** The first picture, as fast as it is read. */
  async #tellAll(count: number): Promise<void> {
    for (let left = count; left > 0 && !this.#closed; left -= SLICE) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (!this.#closed && this.#response.writableNeedDrain) await this.#drained();
      if (!this.#closed) this.#tellHives(Math.min(SLICE, left));
    }
    this.#complete = true;
  }

  #tick(tickMs: number): void {
    if (this.#isStalled()) {
      const nowMs = this.#clock.nowMs();
      this.#stalledSinceMs ??= nowMs;
      if (nowMs - this.#stalledSinceMs >= STALLED_MAX_MS) {
        this.end(new HiveError("WATCH_TOO_SLOW", "This reader took nothing for a minute. Watch again"));
      }
      return;
    }
    this.#stalledSinceMs = undefined;
    if (!this.#complete) return;
    const perTick = tickMs * this.#hivesPerMs;
    this.#allowance = Math.min(this.#allowance + perTick, perTick + 1);
    const max = Math.floor(this.#allowance + 1e-9);
    this.#allowance -= max;
    this.#tellHives(max);
  }

  #tellUrgent(): void {
    while (!this.#isStalled()) {
      const text = this.#news.takeUrgent();
      if (text === undefined) return;
      this.#response.write(text);
    }
  }

  #tellHives(max: number): void {
    this.#tellUrgent();
    if (this.#isStalled()) return;
    const text = this.#news.takeHives(max, this.#clock.nowMs());
    if (text !== "") this.#response.write(text);
  }

  #isStalled(): boolean {
    return this.#closed || this.#response.writableNeedDrain;
  }

  #drained(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#response.off("drain", done);
        this.#response.off("close", done);
        resolve();
      };
      this.#response.on("drain", done);
      this.#response.on("close", done);
    });
  }

  #leave(): void {
    this.#closed = true;
    for (const stop of this.#stops.splice(0)) stop();
  }
}
