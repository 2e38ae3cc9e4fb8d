import type { Log } from "@hive-registry/command";
import { compile, type HeartbeatReply, HeartbeatReplySchema } from "@hive-registry/contract";
import { backoffMs } from "../backoff.ts";
import { type Clock, within } from "../clock.ts";
import type { Report } from "./changes.ts";
import type { Closed, Connect, Connection, Post } from "./connection.ts";
import { boundInterval, INTERVAL_DEFAULT_MS, jittered, reconnectAfter } from "./interval.ts";
import type { Route } from "./reach.ts";
import { Telling } from "./telling.ts";

/** A change that cannot wait is sent after so long, with whatever else changed meanwhile. */
export const URGENT_DELAY_MS = 20;
/** A queen that takes nothing in makes us skip beats, not fill the memory. */
export const BUFFERED_BYTES_MAX: number = 4 * 1_048_576;
/** A connection on which nothing came back for so long after a ping is dead, whatever TCP thinks. */
export const PONG_LIMIT_MS = 15_000;
/** How often a queen that was reached by POST only is asked for a WebSocket again. */
export const WEBSOCKET_RETRY_MS = 60_000;
const POST_LIMIT_MS = 10_000;
/** Connections that stood so long were well: the next reconnect starts from the shortest pause. */
const STOOD_WELL_MS = 10_000;
/** A hive that stops waits so long for its goodbye to be sent. */
export const GOODBYE_LIMIT_MS = 1_000;

const HEARTBEAT_PATH = "/api/v1/heartbeat";
const replyValidator = compile(HeartbeatReplySchema);

export interface QueenLinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly connect: Connect;
  readonly post: Post;
  /** What there is to tell now. */
  readonly report: () => Report;
  /** The next number of this boot. */
  readonly nextSeq: () => number;
  /** A connection stands. */
  readonly onRoute: (route: Route) => void;
}

export interface QueenLinkOptions {
  readonly url: string;
  readonly hive_id: string;
  readonly boot_id: string;
  readonly token: string | undefined;
}

type Mode = "connecting" | "waiting" | "websocket" | "post" | "stopped";

/** Tells one queen how this machine is, for as long as it runs, whatever the queen does. */
export class QueenLink {
  readonly url: string;
  readonly #deps: QueenLinkDeps;
  readonly #options: QueenLinkOptions;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #telling: Telling;
  #mode: Mode = "waiting";
  #connection: Connection | undefined;
  #intervalMs = INTERVAL_DEFAULT_MS;
  #attempts = 0;
  #openedAtMs = 0;
  #lastBeatMs = Number.NEGATIVE_INFINITY;
  #pingSentMs: number | undefined;
  #websocketTryAtMs = 0;
  #posting = false;
  #urgentPending = false;
  #cancelBeat: () => void = () => {};
  #cancelRetry: () => void = () => {};
  /** What was said already, so that a trouble that lasts is told once. */
  readonly #said = new Set<string>();

  constructor(deps: QueenLinkDeps, options: QueenLinkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.url = options.url;
    const { report, nextSeq, clock } = deps;
    const { hive_id, boot_id } = options;
    this.#telling = new Telling({ report, nextSeq, wallMs: () => clock.wallMs() }, { hive_id, boot_id });
    this.#headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  }

  get connected(): boolean {
    return this.#mode === "websocket" || this.#mode === "post";
  }

  start(): void {
    this.#connect();
  }

  /** Something may have changed. What cannot wait for the next beat is sent soon. */
  changed(): void {
    if (this.#urgentPending || !this.connected || !this.#telling.hasUrgentNews()) return;
    this.#urgentPending = true;
    this.#deps.clock.after(URGENT_DELAY_MS, () => {
      this.#urgentPending = false;
      this.#beat();
    });
  }

  /** Says goodbye, waiting for a bounded time, and ends. */
  async stop(): Promise<void> {
    const { clock } = this.#deps;
    const mode = this.#mode;
    const connection = this.#connection;
    this.#mode = "stopped";
    this.#cancelBeat();
    this.#cancelRetry();
    if (mode === "post")
      await this.#deps.post(
        this.#postUrl(),
        this.#headers,
        this.#telling.everything(this.#intervalMs, { goodbye: true }),
        GOODBYE_LIMIT_MS,
      );
    if (connection === undefined) return;
    if (mode !== "websocket") return connection.terminate();
    const gone = new Promise<true>((resolve) => {
      this.#onClosed = () => resolve(true);
    });
    connection.send(this.#telling.everything(this.#intervalMs, { goodbye: true }));
    connection.close();
    if ((await within(clock, GOODBYE_LIMIT_MS, gone)) === undefined) connection.terminate();
  }

  #onClosed: () => void = () => {};

  #connect(): void {
    this.#mode = this.#mode === "post" ? "post" : "connecting";
    const connection: Connection = this.#deps.connect(this.#socketUrl(), this.#headers, {
      opened: (route) => this.#connection === connection && this.#opened(route),
      message: (text) => this.#connection === connection && this.#hear(text),
      pong: () => {
        if (this.#connection === connection) this.#pingSentMs = undefined;
      },
      closed: (why) => this.#connection === connection && this.#closed(why),
    });
    this.#connection = connection;
  }

  #opened(route: Route | undefined): void {
    const { clock, log, onRoute } = this.#deps;
    if (this.#mode === "stopped") return;
    this.#mode = "websocket";
    this.#openedAtMs = clock.nowMs();
    this.#pingSentMs = undefined;
    this.#telling.forget();
    this.#said.clear();
    log.info({ queen: this.url }, "connected to the queen");
    if (route !== undefined) onRoute(route);
    this.#beat();
  }

  #closed(why: Closed): void {
    const { clock, log } = this.#deps;
    this.#connection = undefined;
    if (this.#mode === "stopped") this.#onClosed();
    if (this.#mode === "stopped" || this.#mode === "post") return; // It was only another try; the beats go on as they are.
    this.#cancelBeat();
    if (why.kind === "ended" && clock.nowMs() - this.#openedAtMs >= STOOD_WELL_MS) this.#attempts = 0;
    if (why.kind === "refused" && (why.status === 401 || why.status === 403)) this.#sayRefused(why.status);
    else if (why.kind === "not-websocket" || (why.kind === "refused" && why.status !== 429 && why.status !== 503)) {
      this.#sayOnce("no-websocket", () =>
        log.info({ queen: this.url, why }, "the queen takes no WebSocket here: heartbeats go by POST"),
      );
      this.#beginPosting();
      return;
    } else {
      const reason = why.kind === "refused" ? `HTTP ${why.status}` : why.message;
      this.#sayOnce("away", () =>
        log.warn({ queen: this.url, reason }, `the queen is not reachable (${reason}); workers go on, I keep trying`),
      );
    }
    this.#retryLater({ isRefused: why.kind === "refused" });
  }

  #retryLater(why: { readonly isRefused: boolean }): void {
    this.#mode = "waiting";
    const waitMs = backoffMs(this.#attempts++, reconnectAfter(this.#intervalMs, why), this.#deps.random);
    this.#cancelRetry = this.#deps.clock.after(waitMs, () => this.#connect());
  }

  #beginPosting(): void {
    this.#mode = "post";
    this.#websocketTryAtMs = this.#deps.clock.nowMs() + WEBSOCKET_RETRY_MS;
    this.#beat();
  }

  /** Sends what is due and arranges the next beat. */
  #beat(): void {
    const { clock } = this.#deps;
    if (!this.connected) return;
    this.#lastBeatMs = clock.nowMs();
    this.#schedule();
    if (this.#mode === "post") return void this.#beatByPost();
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#pingSentMs !== undefined && clock.nowMs() - this.#pingSentMs >= PONG_LIMIT_MS) {
      connection.terminate();
      return;
    }
    if (connection.bufferedBytes() > BUFFERED_BYTES_MAX) return;
    connection.send(this.#telling.next(this.#intervalMs));
    if (this.#pingSentMs === undefined) {
      this.#pingSentMs = clock.nowMs();
      connection.ping();
    }
  }

  #schedule(): void {
    const { clock, random } = this.#deps;
    this.#cancelBeat();
    const atMs = this.#lastBeatMs + jittered(this.#intervalMs, random);
    this.#cancelBeat = clock.after(Math.max(0, atMs - clock.nowMs()), () => this.#beat());
  }

  async #beatByPost(): Promise<void> {
    const { clock, log, post, onRoute } = this.#deps;
    if (this.#posting) return;
    if (this.#connection === undefined && clock.nowMs() >= this.#websocketTryAtMs) {
      this.#websocketTryAtMs = clock.nowMs() + WEBSOCKET_RETRY_MS;
      this.#connect();
    }
    this.#posting = true;
    const posted = await post(
      this.#postUrl(),
      this.#headers,
      this.#telling.everything(this.#intervalMs),
      POST_LIMIT_MS,
    );
    this.#posting = false;
    if (this.#mode !== "post") return;
    if (posted.status === undefined) {
      this.#sayOnce("away", () =>
        log.warn(
          { queen: this.url, reason: posted.message },
          `the queen is not reachable (${posted.message}); I keep trying`,
        ),
      );
      return this.#leavePosting({ isRefused: false });
    }
    if (posted.status === 401 || posted.status === 403) {
      this.#sayRefused(posted.status);
      return this.#leavePosting({ isRefused: true });
    }
    if (posted.route !== undefined) onRoute(posted.route);
    this.#hear(posted.text);
    this.#attempts = 0;
    this.changed();
  }

  #leavePosting(why: { readonly isRefused: boolean }): void {
    this.#cancelBeat();
    this.#connection?.terminate();
    this.#connection = undefined;
    this.#retryLater(why);
  }

  #hear(text: string): void {
    const { log } = this.#deps;
    this.#pingSentMs = undefined;
    const reply = parseReply(text);
    if (reply === undefined) {
      this.#sayOnce("nonsense", () =>
        log.warn(
          { queen: this.url, reply: text.slice(0, 200) },
          "the queen's reply is not one of this version; it is ignored",
        ),
      );
      return;
    }
    const intervalMs = boundInterval(reply.next_heartbeat_ms);
    if (intervalMs !== this.#intervalMs) {
      this.#intervalMs = intervalMs;
      if (this.connected) this.#schedule();
    }
    if (!reply.accepted) this.#refused(reply);
  }

  #refused(reply: HeartbeatReply): void {
    const { log } = this.#deps;
    if (reply.reason === "unknown") {
      // To a full list "unknown" is no sensible answer: sending it again at once could go on for ever.
      if (this.#telling.forget()) this.#beat();
    } else if (reply.reason === "stale") {
      this.#sayOnce("stale", () =>
        log.warn(
          { queen: this.url },
          `the queen knows newer heartbeats of ${this.#options.hive_id}: does another machine use the same --id?`,
        ),
      );
    } else {
      this.#sayOnce("invalid", () =>
        log.error(
          { queen: this.url, error: reply.error },
          "the queen finds this hive's heartbeat invalid: are both up to date?",
        ),
      );
    }
  }

  #sayRefused(status: number): void {
    const { log } = this.#deps;
    const what =
      this.#options.token === undefined ? "wants a token and this hive has none" : "refuses this hive's token";
    this.#sayOnce("token", () =>
      log.error(
        { queen: this.url, status },
        `the queen ${what}: start the hive with HIVE_TOKEN or --token-file set to the queen's token; until then I keep trying`,
      ),
    );
  }

  #sayOnce(what: string, say: () => void): void {
    if (this.#said.has(what)) return;
    this.#said.add(what);
    say();
  }

  #postUrl(): string {
    return this.url + HEARTBEAT_PATH;
  }

  #socketUrl(): string {
    return this.#postUrl().replace(/^http/, "ws");
  }
}

function parseReply(text: string): HeartbeatReply | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return replyValidator.check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
