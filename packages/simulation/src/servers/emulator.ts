import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { parseBody, readBody } from "../fleet/bodies.ts";
import { Condition } from "./condition.ts";
import { type EmulatorState, json } from "./kind.ts";
import { type EmulatorKind, KINDS } from "./kinds/kinds.ts";
import { type EmulatorOrder, readOrder } from "./order.ts";
import { type ServeOptions, send, serve } from "./serve.ts";

/** Where an emulator is told what to be, with `POST`, and tells how it stands, with `GET`. No server has such a path. */
export const CONTROL_PATH = "/__emulator";
/** Paths that are counted by name; what else is asked for counts as `other`. */
const ASKED_MAX = 256;

export interface EmulatorOptions {
  /** Default `["model"]`. The first is in memory; of the others it depends on the kind. */
  readonly models?: readonly string[];
  /** Requests at once. Default: the kind's own. */
  readonly slots?: number;
  /** Requests that may wait inside. Default: the kind's own. */
  readonly queueMax?: number;
  /** What the kind's locked paths demand. Default: nothing. */
  readonly key?: string;
  /** It is `loading` for so long after its start, and so long a request waits that it wakes for, ms. Default 0. */
  readonly loadMs?: number;
  /** Until the first token, ms. Default 0. */
  readonly firstTokenMs?: number;
  /** Of each answer. Default `Infinity`: no pause between tokens. */
  readonly tokensPerSecond?: number;
  /** Tokens of an answer, unless the request asks for fewer. Default 16. */
  readonly answerTokens?: number;
  /** Awaited before each token, to write an answer step by step. Default: the rate above. */
  readonly beforeToken?: (at: number) => Promise<void>;
  /** Paths that are switched off: an older build, or a flag that was not given. */
  readonly without?: readonly string[];
  /** Addresses of servers that it says it started. */
  readonly children?: readonly string[];
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
}

/** How an emulator stands; what `GET /__emulator` answers. */
export interface EmulatorStatus {
  readonly kind: EmulatorKind;
  readonly state: EmulatorState;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly answered: number;
  /** Requests that were sent away because too many waited. */
  readonly overloaded: number;
  /** Models in memory. */
  readonly loaded: readonly string[];
  readonly children: readonly string[];
  /** How often each path was asked for, whatever it got. */
  readonly asked: Readonly<Record<string, number>>;
}

/** An inference server that answers as one kind does, and computes nothing. */
export interface Emulator {
  readonly kind: EmulatorKind;
  readonly url: string;
  readonly port: number;
  /**
   * From the next request on.
   *
   * @throws {TypeError} for what the kind cannot be, or what no order can say; nothing has changed then
   */
  control(order: EmulatorOrder): Promise<void>;
  status(): EmulatorStatus;
  /** How often this path was asked for. */
  asked(path: string): number;
  /** Resolves when it listens and has loaded. Rejects when its port was taken by another while it was silent. */
  ready(): Promise<void>;
  /** Ends it for good, with whatever runs. */
  stop(): Promise<void>;
}

/**
 * Starts one on loopback. Of a kind that is silent while it loads the port is known already, and refuses connections until it
 * has loaded.
 */
export async function startEmulator(kind: EmulatorKind, options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = new HttpEmulator(kind, options);
  await emulator.start(options);
  return emulator;
}

class HttpEmulator implements Emulator {
  readonly kind: EmulatorKind;
  readonly #condition: Condition;
  readonly #serving: ServeOptions;
  readonly #host: string;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });
  readonly #sockets = new Set<Socket>();
  readonly #asked = new Map<string, number>();
  #port = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The port is as the state wants it. */
  #settled: Promise<void> = Promise.resolve();

  constructor(kind: EmulatorKind, options: EmulatorOptions) {
    const { models = ["model"], children = [], loadMs: wakeMs = 0, key, beforeToken } = options;
    const { slots = KINDS[kind].slots, queueMax = KINDS[kind].queueMax } = options;
    const { firstTokenMs = 0, answerTokens = 16, tokensPerSecond = Infinity } = options;
    this.kind = kind;
    this.#host = options.host ?? "127.0.0.1";
    this.#condition = new Condition(KINDS[kind], { models, slots, queueMax, children, wakeMs });
    this.#serving = { models, key, firstTokenMs, answerTokens, tokensPerSecond, beforeToken };
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${this.#host}:${this.#port}`;
  }

  async start({ port = 0, without, loadMs = 0 }: EmulatorOptions): Promise<void> {
    await this.#listen(port);
    if (without !== undefined) await this.control({ without });
    if (loadMs > 0) await this.control({ state: "loading", for_ms: loadMs });
  }

  async control(order: EmulatorOrder): Promise<void> {
    this.#obey(readOrder(order));
    await this.#settled;
  }

  status(): EmulatorStatus {
    const { url, kind } = this;
    const { state, slots, running, queued, answered, overloaded, loaded, children } = this.#condition.situation(
      url,
      true,
    );
    const asked = Object.fromEntries(this.#asked);
    return { kind, state, slots, running, queued, answered, overloaded, loaded, children, asked };
  }

  asked(path: string): number {
    return this.#asked.get(path) ?? 0;
  }

  async ready(): Promise<void> {
    await this.#condition.ready();
    await this.#settled;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#condition.close();
    await this.#settled.catch(() => undefined);
    await this.#hangUp();
  }

  #obey(order: EmulatorOrder): void {
    this.#condition.apply(order);
    if (order.state === undefined) return;
    clearTimeout(this.#timer);
    if (order.for_ms !== undefined) this.#timer = setTimeout(() => this.#obey({ state: "ready" }), order.for_ms);
    this.#settled = this.#settled.then(() => this.#settle());
    // Whoever waits for it hears of it.
    this.#settled.catch(() => undefined);
  }

  /** Opens or closes the port, as the state wants it. */
  async #settle(): Promise<void> {
    const isSilent = this.#condition.state === "loading" && KINDS[this.kind].silentWhileLoading === true;
    if (isSilent && this.#server.listening) await this.#hangUp();
    if (!isSilent && !this.#server.listening && !this.#isStopped) await this.#listen(this.#port);
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, this.#host);
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #hangUp(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that leaves is seen by `close`; an error alone would end the process.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", this.url);
    if (path === CONTROL_PATH) return await this.#answerControl(request, response);
    const name = this.#asked.has(path) || this.#asked.size < ASKED_MAX ? path : "other";
    this.#asked.set(name, (this.#asked.get(name) ?? 0) + 1);
    const { url } = this;
    const deps = { kind: KINDS[this.kind], condition: this.#condition, url, control: this.#obey.bind(this) };
    await serve(deps, { request, response, path, query }, this.#serving);
  }

  async #answerControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") return send(response, json(200, this.status()));
    const raw = await readBody(request);
    if (raw === undefined) return;
    try {
      const order = readOrder(parseBody(raw));
      const goesSilent = order.state === "loading" && KINDS[this.kind].silentWhileLoading === true;
      if (goesSilent && order.for_ms === undefined) {
        throw new TypeError(`${this.kind} cannot be reached while it loads: say for_ms, too`);
      }
      // The answer goes out before the port closes.
      if (goesSilent) response.on("finish", () => this.#obey(order));
      else this.#obey(order);
      await this.#settled;
      send(response, json(200, this.status()));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      send(response, json(400, { error: error.message }));
    }
  }
}
