import type { IncomingHttpHeaders } from "node:http";
import { Agent, type Dispatcher } from "undici";

/** One request to a worker. */
export interface WorkerRequest {
  readonly origin: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** Told how a request goes: `head`, then `data` for each piece, then `ended`; or `failed` at any point, and nothing after it. */
export interface Answering {
  head(status: number, headers: IncomingHttpHeaders): void;
  data(chunk: Buffer): void;
  ended(): void;
  failed(error: Error): void;
}

/** A request that is under way. */
export interface WorkerCall {
  /** Closes the connection: the worker sees at once that nobody listens. Nothing is told after it. */
  abort(): void;
  pause(): void;
  resume(): void;
}

/** Sends requests to workers. The real one is {@link HttpTransport}; stories without a network have their own. */
export interface Transport {
  /** Tells `answering` nothing before it has returned. */
  send(request: WorkerRequest, answering: Answering): WorkerCall;
  close(): Promise<void>;
}

/** Shorter than inference servers keep a quiet connection, mostly 5 s: so it is seldom they who close it. */
const QUIET_CONNECTION_MS = 4_000;
/** How often a request is sent again because the connection it was given had been closed meanwhile. */
const STALE_MAX = 1;

/** HTTP/1.1 over connections that are kept. */
export class HttpTransport implements Transport {
  readonly #agent: Agent;
  /** Connections that were opened, by origin: so a request can tell whether it was the first on its own. */
  readonly #opened: Map<string, number> = new Map();

  constructor(options: { readonly connectMs: number }) {
    this.#agent = new Agent({
      // Who waits for what is watched by the exchange, which knows why.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: QUIET_CONNECTION_MS,
      connect: { timeout: options.connectMs },
    });
    this.#agent.on("connect", ({ origin }: URL) => this.#opened.set(origin, this.opened(origin) + 1));
    this.#agent.on("disconnect", ({ origin }: URL) => {
      if (this.#opened.size > ORIGINS_MAX) this.#opened.delete(origin);
    });
  }

  opened(origin: string): number {
    return this.#opened.get(origin) ?? 0;
  }

  send(request: WorkerRequest, answering: Answering): WorkerCall {
    return new HttpCall({ agent: this.#agent, opened: (origin) => this.opened(origin) }, request, answering);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** Origins that are remembered, gone ones among them. */
const ORIGINS_MAX = 10_000;

class HttpCall implements WorkerCall, Dispatcher.DispatchHandler {
  readonly #agent: Agent;
  readonly #opened: (origin: string) => number;
  readonly #request: WorkerRequest;
  readonly #answering: Answering;
  #controller: Dispatcher.DispatchController | undefined;
  #openedBefore = 0;
  #stale = 0;
  #isAborted = false;
  #hasBytes = false;

  constructor(
    deps: { readonly agent: Agent; readonly opened: (origin: string) => number },
    request: WorkerRequest,
    answering: Answering,
  ) {
    this.#agent = deps.agent;
    this.#opened = deps.opened;
    this.#request = request;
    this.#answering = answering;
    this.#dispatch();
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort(new Error("nobody listens"));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Who hung up while the connection was opened.
    if (this.#isAborted) controller.abort(new Error("nobody listens"));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#isAborted || status < 200) return;
    this.#hasBytes = true;
    this.#answering.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isAborted) this.#answering.data(chunk);
  }

  onResponseEnd(): void {
    if (!this.#isAborted) this.#answering.ended();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isAborted) return;
    if (!this.#hasBytes && this.#stale < STALE_MAX && this.#wasStale(error)) {
      this.#stale++;
      this.#dispatch();
      return;
    }
    this.#answering.failed(error);
  }

  #dispatch(): void {
    const { origin, path, headers, body } = this.#request;
    this.#controller = undefined;
    this.#openedBefore = this.#opened(origin);
    try {
      this.#agent.dispatch({ origin, path, method: "POST", headers, body }, this);
    } catch (error) {
      queueMicrotask(() => this.onResponseError(undefined, error as Error));
    }
  }

  /** The worker had closed a connection that had been quiet; it has not seen this request, and has not failed. */
  #wasStale(error: Error): boolean {
    const { code } = error as NodeJS.ErrnoException;
    return (
      this.#controller !== undefined &&
      this.#opened(this.#request.origin) === this.#openedBefore &&
      (code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE")
    );
  }
}
