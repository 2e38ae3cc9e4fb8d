import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { answerTo } from "../fleet/answer.ts";
import { BODY_BYTES_MAX, parseBody, readBody } from "../fleet/bodies.ts";
import { DIALECTS, type Dialect } from "../fleet/dialects.ts";
import type { Fault } from "../fleet/fault.ts";
import { Slots } from "../fleet/slots.ts";
import { speak } from "../fleet/speak.ts";
import { takeTurn } from "../fleet/turn.ts";
import { type EmulatorState, json, type Kind, type Reply, type Situation } from "./kind.ts";
import { type EmulatorKind, KINDS } from "./kinds/kinds.ts";
import { type EmulatorFault, type EmulatorOrder, readOrder } from "./order.ts";

/** Where an emulator is told what to be, with `POST`, and tells how it stands, with `GET`. No server has such a path. */
export const CONTROL_PATH = "/__emulator";
/** Paths that are counted by name; what else is asked for counts as `other`. */
const ASKED_MAX = 256;
const SLOW_MS = 1_500;
const GARBAGE = '{"object":"list","data":[{"id":';

export interface EmulatorOptions {
  /** Default `["model"]`. The first is in memory; of the others it depends on the kind. */
  readonly models?: readonly string[];
  /** Requests at once. Default: the kind's own. */
  readonly slots?: number;
  /** Requests that may wait inside. Default: the kind's own. */
  readonly queueMax?: number;
  /** What the kind's locked paths demand. Default: nothing. */
  readonly key?: string;
  /** It is `loading` for so long after its start, ms. Default 0. */
  readonly loadMs?: number;
  /** Until the first token, ms. Default 0. */
  readonly firstTokenMs?: number;
  /** Of each answer. Default `Infinity`: no pause between tokens. */
  readonly tokensPerSecond?: number;
  /** Tokens of an answer, unless the request asks for fewer. Default 16. */
  readonly answerTokens?: number;
  /** Awaited before each token, to write an answer step by step. Default: the rate above. */
  readonly beforeToken?: (at: number) => Promise<void>;
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
  readonly overloaded: number;
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
   * @throws {TypeError} for what the kind cannot be, or what no order can say
   */
  control(order: EmulatorOrder): Promise<void>;
  status(): EmulatorStatus;
  /** How often this path was asked for. */
  asked(path: string): number;
  /** Resolves when it listens and has loaded. */
  ready(): Promise<void>;
  /** Ends it for good, with whatever runs. */
  stop(): Promise<void>;
}

/** Starts one. Of a kind that is silent while it loads the port is known and refuses connections until then. */
export async function startEmulator(kind: EmulatorKind, options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = new HttpEmulator(kind, options);
  await emulator.start();
  return emulator;
}

class HttpEmulator implements Emulator {
  readonly kind: EmulatorKind;
  readonly #ways: Kind;
  readonly #options: EmulatorOptions;
  readonly #host: string;
  readonly #models: readonly string[];
  readonly #slots: Slots;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });
  readonly #sockets = new Set<Socket>();
  readonly #asked = new Map<string, number>();
  readonly #startedAtMs = Date.now();
  readonly #totals = { prompt_tokens: 0, answer_tokens: 0, answered: 0, overloaded: 0 };
  readonly #whenReady = new Set<() => void>();
  readonly #others: (() => void)[] = [];
  #state: EmulatorState = "ready";
  #timer: NodeJS.Timeout | undefined;
  #slowMs = SLOW_MS;
  #queued = 0;
  #kv = 0;
  #loaded: readonly string[];
  #without: readonly string[] = [];
  #fault: (EmulatorFault & { left: number }) | undefined;
  #isStopped = false;
  #port = 0;

  constructor(kind: EmulatorKind, options: EmulatorOptions) {
    this.kind = kind;
    this.#ways = KINDS[kind];
    this.#options = options;
    this.#host = options.host ?? "127.0.0.1";
    this.#models = options.models ?? ["model"];
    this.#loaded = this.#ways.onDemand === undefined ? this.#models : this.#models.slice(0, 1);
    this.#slots = new Slots(options.slots ?? this.#ways.slots, options.queueMax ?? this.#ways.queueMax);
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

  async start(): Promise<void> {
    await this.#listen(this.#options.port ?? 0);
    const { loadMs = 0 } = this.#options;
    if (loadMs > 0) await this.control({ state: "loading", for_ms: loadMs });
  }

  async control(order: EmulatorOrder): Promise<void> {
    const { state, for_ms, running, queued, loaded, fault } = readOrder(order);
    if (state === "sleeping" && !this.#ways.sleeps) throw new TypeError(`${this.kind} does not sleep`);
    if ((running ?? 0) > this.#slots.total) throw new TypeError(`running is at most ${this.#slots.total}: the slots`);
    if (loaded?.some((model) => !this.#models.includes(model))) throw new TypeError("loaded has a model that is none");
    this.#slowMs = order.slow_ms ?? this.#slowMs;
    this.#kv = order.kv ?? this.#kv;
    this.#queued = queued ?? this.#queued;
    this.#loaded = loaded ?? this.#loaded;
    this.#without = order.without ?? this.#without;
    if (fault !== undefined) this.#fault = fault === null ? undefined : { ...fault, left: fault.times ?? Infinity };
    if (running !== undefined) this.#holdSlots(running);
    if (state !== undefined) await this.#enter(state, for_ms);
  }

  status(): EmulatorStatus {
    const { state, slots, running, queued, answered, overloaded, loaded, children } = this.#situation();
    return {
      ...{ kind: this.kind, state, slots, running, queued, answered, overloaded, loaded, children },
      asked: Object.fromEntries(this.#asked),
    };
  }

  asked(path: string): number {
    return this.#asked.get(path) ?? 0;
  }

  async ready(): Promise<void> {
    if (this.#state === "loading") await new Promise<void>((resolve) => void this.#whenReady.add(resolve));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#hangUp();
  }

  async #enter(state: EmulatorState, forMs: number | undefined): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#state === "busy" && state !== "busy") this.#holdSlots(0);
    this.#state = state;
    if (state === "busy") this.#holdSlots(this.#slots.total);
    if (state === "sleeping" && this.#ways.onDemand !== undefined) this.#loaded = [];
    if (forMs !== undefined) this.#timer = setTimeout(() => void this.#enter("ready", undefined), forMs);
    if (state === "loading") {
      if (this.#ways.silentWhileLoading) await this.#hangUp();
      return;
    }
    if (!this.#server.listening && !this.#isStopped) await this.#listen(this.#port);
    for (const ready of this.#whenReady) ready();
    this.#whenReady.clear();
  }

  /** What others hold; the requests that are there stay. */
  #holdSlots(count: number): void {
    while (this.#others.length > count) this.#others.pop()?.();
    while (this.#others.length < count) {
      const leave = this.#slots.take(() => undefined);
      if (leave === undefined) return;
      this.#others.push(leave);
    }
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, this.#host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #hangUp(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  #situation(): Situation {
    return {
      ...{ state: this.#state, url: this.url, models: this.#models, loaded: this.#loaded, slots: this.#slots.total },
      ...{ running: this.#slots.running, queued: this.#slots.waiting + this.#queued, kv: this.#kv, ...this.#totals },
      ...{ started_at_s: Math.floor(this.#startedAtMs / 1_000), now_s: Math.floor(Date.now() / 1_000) },
      children: this.#options.children ?? [],
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that leaves is seen by `close`; an error alone would end the process.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://emulator");
    if (path === CONTROL_PATH) return this.#answerControl(request, response);
    this.#count(path);
    for (const [name, value] of Object.entries(this.#ways.headers ?? {})) response.setHeader(name, value);
    if (this.#state === "slow") await wait(this.#slowMs);
    const fault = this.#drawFault(path);
    const isInference = request.method === "POST" && this.#ways.inference.includes(path);
    // An inference can break in the middle; anything else only at once.
    if (fault !== undefined && !(isInference && fault.after_tokens !== undefined)) return misbehave(response, fault);
    const refusal = this.#refusal(request, path);
    if (refusal !== undefined) return send(response, refusal);
    if (isInference) return this.#infer(request, response, DIALECTS[path] as Dialect, fault);
    const isQuestion = request.method === "GET" || request.method === "HEAD";
    const answer = isQuestion && Object.hasOwn(this.#ways.get, path) ? this.#ways.get[path] : undefined;
    send(response, answer?.(this.#situation(), searchParams) ?? this.#ways.notFound);
  }

  #refusal({ headers }: IncomingMessage, path: string): Reply | undefined {
    const { key } = this.#options;
    const gated = this.#ways.gate?.(this.#situation(), path);
    if (gated !== undefined) return gated;
    const given = headers.authorization?.replace(/^Bearer /i, "") ?? headers["x-api-key"];
    if (key !== undefined && given !== key && this.#ways.locks(path)) return this.#ways.unauthorized;
    return this.#without.includes(path) ? (this.#ways.off?.[path] ?? this.#ways.notFound) : undefined;
  }

  async #infer(
    request: IncomingMessage,
    response: ServerResponse,
    dialect: Dialect,
    fault: EmulatorFault | undefined,
  ): Promise<void> {
    const raw = await readBody(request);
    if (raw === undefined) return;
    if (raw.length > BODY_BYTES_MAX) return send(response, this.#ways.fail(413, "The body is too large"));
    const body = parseBody(raw);
    if (body === undefined) return send(response, this.#ways.fail(400, "The body is not a JSON object"));
    const model = typeof body.model === "string" ? body.model : (this.#models[0] ?? "");
    const unknown = this.#models.includes(model) ? undefined : this.#ways.unknownModel?.(model);
    if (unknown !== undefined) return send(response, unknown);
    if (this.#state === "broken") return send(response, this.#ways.fail(500, "The model has crashed"));
    const asked = { model, prompt: dialect.prompt(body), tokensMax: dialect.tokensMax(body) };
    const answer = answerTo(asked, { answerTokens: this.#options.answerTokens ?? 16 });
    const { firstTokenMs = 0, tokensPerSecond = Infinity, beforeToken } = this.#options;
    const pace = { firstTokenMs, tokenMs: 1_000 / tokensPerSecond, fault: faultOfAnswer(fault), beforeToken };
    const isTaken = takeTurn(
      { slots: this.#slots, response },
      {
        answer: async (signal) => {
          await this.#wake(model);
          return speak({ response, dialect: this.#withComment(dialect), body, answer, signal }, pace);
        },
        ended: (how) => {
          if (how !== "completed") return;
          this.#totals.answered++;
          this.#totals.prompt_tokens += answer.promptTokens;
          this.#totals.answer_tokens += answer.tokens.length;
        },
      },
    );
    if (isTaken) return;
    this.#totals.overloaded++;
    send(response, this.#ways.overloaded);
  }

  /** Until the model can answer: a sleeper wakes, and what loads on demand loads. */
  async #wake(model: string): Promise<void> {
    if (this.#state === "sleeping") await this.#enter("ready", undefined);
    await this.ready();
    if (this.#loaded.includes(model) || !this.#models.includes(model)) return;
    this.#loaded = this.#ways.onDemand === "adds" ? [...this.#loaded, model] : [model];
  }

  #withComment(dialect: Dialect): Dialect {
    const { stream } = dialect;
    const { comment } = this.#ways;
    if (stream === undefined || comment === undefined) return dialect;
    return { ...dialect, stream: { ...stream, first: (answer) => stream.first(answer) + comment } };
  }

  #drawFault(path: string): EmulatorFault | undefined {
    const fault = this.#fault;
    if (fault === undefined || fault.left <= 0 || !path.startsWith(fault.path ?? "")) return undefined;
    fault.left--;
    return fault;
  }

  async #answerControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") return send(response, json(200, this.status()));
    const raw = await readBody(request);
    if (raw === undefined) return;
    try {
      const order = readOrder(parseBody(raw));
      const goesSilent = order.state === "loading" && this.#ways.silentWhileLoading === true;
      if (goesSilent && order.for_ms === undefined) {
        throw new TypeError(`${this.kind} cannot be reached while it loads: say for_ms, too`);
      }
      if (goesSilent) {
        response.on("finish", () => void this.control(order));
        return send(response, json(200, this.status()));
      }
      await this.control(order);
      send(response, json(200, this.status()));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      send(response, json(400, { error: error.message }));
    }
  }

  #count(path: string): void {
    const name = this.#asked.has(path) || this.#asked.size < ASKED_MAX ? path : "other";
    this.#asked.set(name, (this.#asked.get(name) ?? 0) + 1);
  }
}

function misbehave(response: ServerResponse, fault: EmulatorFault): void {
  if (fault.kind === "hang") return;
  if (fault.kind === "cut") response.socket?.resetAndDestroy();
  else if (fault.kind === "refuse") send(response, { status: fault.status ?? 500, body: "out of honey" });
  else send(response, { status: 200, headers: { "content-type": "application/json" }, body: GARBAGE });
}

/** As those who speak answers know it. */
function faultOfAnswer(fault: EmulatorFault | undefined): Fault | undefined {
  if (fault?.kind !== "hang" && fault?.kind !== "cut") return undefined;
  return { kind: fault.kind === "cut" ? "die" : "hang", after_tokens: fault.after_tokens ?? 0 };
}

function send(response: ServerResponse, { status, headers = {}, body }: Reply): void {
  const text = typeof body === "object" ? JSON.stringify(body) : (body ?? "");
  const type = typeof body === "object" ? "application/json" : "text/plain; charset=utf-8";
  response.writeHead(status, {
    ...(body !== undefined && { "content-type": type }),
    ...headers,
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
