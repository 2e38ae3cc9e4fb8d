import { onAbort } from "./abort.ts";
import { BAD_REPLY, ClientError, errorInBody, STREAM_CUT } from "./errors.ts";
import { type ReadEventsOptions, readEvents, type ServerSentEvent } from "./sse.ts";

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export type Server = "queen" | "hive" | "worker";

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Overrides the client's, ms. */
  readonly timeoutMs?: number;
}

export interface TransportOptions {
  /** `http://127.0.0.1:7833`; a path before the routes is kept, so that it may lie behind a proxy. */
  readonly baseUrl: string;
  readonly token?: string | undefined;
  /** Default: the runtime's own. */
  readonly fetch?: Fetch | undefined;
  /** For a whole call, from request to the reply's last byte, ms. Default {@link TIMEOUT_DEFAULT_MS}. Streams have other rules. */
  readonly timeoutMs?: number | undefined;
}

export interface Call extends CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface EventsOptions extends ReadEventsOptions {
  /** Called when the server has accepted the stream. */
  readonly onOpen?: (() => void) | undefined;
}

export const TIMEOUT_DEFAULT_MS = 10_000;

/** A GET whose connection was reset is tried once more: a server that restarts closes connections it kept alive. */
export const GET_TRIES = 2;

/** Of an error reply that is not JSON, so much goes into the message. */
const TEXT_IN_MESSAGE_MAX = 200;

const RESET = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);
const TIMED_OUT = new Set(["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Turns routes into requests and replies into values or {@link ClientError}s. One for each server. */
export class Transport {
  readonly baseUrl: string;
  readonly #what: Server;
  readonly #token: string | undefined;
  readonly #fetch: Fetch;
  readonly #timeoutMs: number;

  constructor(what: Server, options: TransportOptions) {
    this.baseUrl = checkedBase(options.baseUrl);
    this.#what = what;
    this.#token = options.token;
    this.#fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_DEFAULT_MS;
  }

  /** @throws {ClientError} also when a successful reply is not JSON. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const text = await this.text(path, call);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new ClientError(BAD_REPLY, `What answers at ${this.baseUrl} is no ${this.#what}: not JSON`, { cause });
    }
  }

  async text(path: string, call: Call = {}): Promise<string> {
    const tries = (call.method ?? "GET") === "GET" ? GET_TRIES : 1;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(path, call);
      } catch (error) {
        if (attempt >= tries || !isReset(error)) throw this.#failure(error, call);
      }
    }
  }

  /**
   * The events of a reply that goes on. `timeoutMs` bounds the wait for its head only; then `idleMs` bounds each silence.
   *
   * @throws {ClientError} `STREAM_CUT` when the connection breaks after the head; {@link BAD_REPLY} when it is no event stream.
   */
  async *events(path: string, call: Call & EventsOptions): AsyncGenerator<ServerSentEvent, void> {
    const deadline = deadlineFor(call.timeoutMs ?? this.#timeoutMs, call.signal);
    let opened = false;
    try {
      const response = await this.#fetch(this.#url(path, call), this.#init(call, deadline.signal, "text/event-stream"));
      if (!response.ok) throw replyError(response, await response.text(), this.#what);
      deadline.disarm();
      const body = eventBody(response);
      opened = true;
      call.onOpen?.();
      yield* readEvents(body, call);
    } catch (thrown) {
      const error = deadline.reason(thrown);
      if (!opened || call.signal?.aborted || !(error instanceof TypeError)) throw this.#failure(error, call);
      throw new ClientError(STREAM_CUT, `The ${this.#what} at ${this.baseUrl} broke off its answer`, { cause: error });
    } finally {
      deadline.end();
    }
  }

  async #once(path: string, call: Call): Promise<string> {
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    const deadline = deadlineFor(timeoutMs, call.signal);
    try {
      const response = await this.#fetch(this.#url(path, call), this.#init(call, deadline.signal, "application/json"));
      const text = await response.text();
      if (!response.ok) throw replyError(response, text, this.#what);
      return text;
    } catch (error) {
      throw deadline.reason(error);
    } finally {
      deadline.end();
    }
  }

  #url(path: string, call: Call): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    const text = query.toString();
    return `${this.baseUrl}${path}${text === "" ? "" : `?${text}`}`;
  }

  #init(call: Call, signal: AbortSignal, accept: string): RequestInit {
    const headers: Record<string, string> = { accept, ...call.headers };
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`;
    if (call.body === undefined) return { method: call.method ?? "GET", headers, signal };
    headers["content-type"] = "application/json";
    return { method: call.method ?? "POST", headers, signal, body: JSON.stringify(call.body) };
  }

  #failure(error: unknown, call: Call): unknown {
    if (call.signal?.aborted) return call.signal.reason;
    if (error instanceof TimedOut || TIMED_OUT.has(errorCode(error) ?? "")) {
      return new ClientError("TIMEOUT", `The ${this.#what} at ${this.baseUrl} did not answer in time`, {
        server: this.#what,
        cause: error,
      });
    }
    if (error instanceof TypeError) return unreachable(this.#what, this.baseUrl, error);
    return error;
  }
}

/** A `fetch` that failed before a reply: the network's own reason stands in the message where the runtime tells it. */
export function unreachable(what: Server, url: string, cause: unknown): ClientError {
  const code = { queen: "QUEEN_UNREACHABLE", hive: "HIVE_UNREACHABLE", worker: "WORKER_UNREACHABLE" }[what];
  const reason = errorCode(cause);
  return new ClientError(code, `No ${what} answers at ${url}${reason === undefined ? "" : ` (${reason})`}`, {
    server: what,
    cause,
  });
}

/** The error that a failed reply stands for. */
export function replyError(response: Response, text: string, what: Server): ClientError {
  const known = errorInBody(parsed(text));
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const options = {
    status: response.status,
    server: what,
    details: known?.details,
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined,
  };
  if (known !== undefined) return new ClientError(known.code ?? `HTTP_${response.status}`, known.message, options);
  const words = text.trim().slice(0, TEXT_IN_MESSAGE_MAX);
  return new ClientError(
    `HTTP_${response.status}`,
    `The ${what} answered ${response.status}${words === "" ? "" : `: ${words}`}`,
    options,
  );
}

function eventBody(response: Response): ReadableStream<Uint8Array> {
  const type = response.headers.get("content-type") ?? "";
  if (response.body !== null && type.startsWith("text/event-stream")) return response.body;
  throw new ClientError(
    BAD_REPLY,
    `An event stream was asked for; the answer is ${type === "" ? "without a type" : type}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

class TimedOut extends Error {}

/** One signal out of the caller's and a time limit. `disarm` ends the limit and keeps the caller's signal; `end` lets go of both and must be called. */
function deadlineFor(
  timeoutMs: number,
  outer: AbortSignal | undefined,
): { signal: AbortSignal; reason(error: unknown): unknown; disarm(): void; end(): void } {
  const inner = new AbortController();
  const expired = new TimedOut(`not done within ${timeoutMs} ms`);
  const timer = setTimeout(() => inner.abort(expired), timeoutMs);
  const unfollow = onAbort(outer, () => inner.abort(outer?.reason));
  return {
    signal: inner.signal,
    reason: (error) => (inner.signal.aborted && inner.signal.reason === expired ? expired : error),
    disarm: () => clearTimeout(timer),
    end() {
      clearTimeout(timer);
      unfollow();
    },
  };
}

/** The system's name for a failure (`ECONNREFUSED`), found wherever the runtime put it. */
function errorCode(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") return at.code;
    if (at instanceof AggregateError && at.errors[0] instanceof Error) return errorCode(at.errors[0]);
  }
  return undefined;
}

function isReset(error: unknown): boolean {
  return error instanceof TypeError && RESET.has(errorCode(error) ?? "");
}

function checkedBase(text: string): string {
  if (!URL.canParse(text))
    throw new TypeError(`baseUrl: ${JSON.stringify(text)} is not a URL such as http://127.0.0.1:7833`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new TypeError(`baseUrl: ${text} is not http or https`);
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
