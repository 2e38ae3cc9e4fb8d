import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { WorkerInfo } from "@hive-registry/contract";
import { randomFrom } from "../random.ts";
import { answerTo } from "./answer.ts";
import { BODY_BYTES_MAX, parseBody, readBody, sendJson } from "./bodies.ts";
import { type Body, DIALECTS, type Dialect } from "./dialects.ts";
import { type Fault, FaultPlan, type FaultScope } from "./fault.ts";
import { Slots } from "./slots.ts";
import { speak } from "./speak.ts";
import { takeTurn } from "./turn.ts";

/** Requests that {@link FakeWorker.seen} remembers. */
const SEEN_MAX = 64;

export interface FakeWorkerOptions {
  /** Default `worker`. */
  readonly workerId?: string;
  /** The first is the loaded one; it answers for all. Default `fake-model`. */
  readonly models?: readonly string[];
  /** Further fields of its report (`backend`, `vram_bytes` …), as they are; they count more than its own. */
  readonly report?: Partial<WorkerInfo>;
  /** Requests at once. Default 4. */
  readonly slots?: number;
  /** Requests that may wait inside; what is over gets 503. Default 64. */
  readonly queueMax?: number;
  /** Until the first token, ms. Default 0. */
  readonly firstTokenMs?: number;
  /** Of each answer. Default `Infinity`: no pause between tokens. */
  readonly tokensPerSecond?: number;
  /** Tokens of an answer, unless the request asks for fewer. Default 16. */
  readonly answerTokens?: number;
  /** After its start it is `Loading` for so long, ms, and holds requests back until then. Default 0. */
  readonly loadMs?: number;
  /** Awaited before each token, to write an answer step by step. Default: the rate above. */
  readonly beforeToken?: (at: number) => Promise<void>;
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Chance of faults. Default 1. */
  readonly seed?: number;
}

/** What a fake worker counted so far. Each request that was received is in exactly one of the others. */
export interface FakeWorkerCounts {
  readonly received: number;
  readonly running: number;
  readonly waiting: number;
  readonly completed: number;
  /** Answered with an error: no dialect, no room, or the fault `refuse`. */
  readonly refused: number;
  /** The client left before its answer was complete. */
  readonly aborted: number;
  /** Cut by the fault `die`, or by `crash()`. */
  readonly died: number;
}

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body_bytes: number;
}

/** An inference server that only pretends: a real HTTP server with set rates, whose faults are a program's to choose. */
export interface FakeWorker {
  readonly url: string;
  /** As its hive reports it now. A crash is not in it: nobody has noticed it yet. */
  info(): WorkerInfo;
  counts(): FakeWorkerCounts;
  /** The last requests, oldest first. */
  seen(): readonly SeenRequest[];
  /** From the next request on. */
  setFault(fault: Fault, scope?: FaultScope): void;
  clearFault(): void;
  /** As killed: every connection is cut and new ones are refused. */
  crash(): Promise<void>;
  /** Listens again, on the same port; it loads first where `loadMs` says so. */
  revive(): Promise<void>;
  /** Calls the listener after each change of {@link info}. Returns what ends it. */
  onChange(listener: () => void): () => void;
  /** Ends it for good, with whatever runs. */
  stop(): Promise<void>;
}

/** Starts one. Its answers depend on the request alone, so every fake worker sends the same bytes for the same request. */
export async function startFakeWorker(options: FakeWorkerOptions = {}): Promise<FakeWorker> {
  const worker = new HttpFakeWorker(options);
  await worker.listen(options.port ?? 0);
  return worker;
}

class HttpFakeWorker implements FakeWorker {
  readonly #options: FakeWorkerOptions;
  readonly #workerId: string;
  readonly #models: readonly string[];
  readonly #host: string;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });
  readonly #sockets = new Set<Socket>();
  readonly #slots: Slots;
  readonly #faults: FaultPlan;
  readonly #listeners = new Set<() => void>();
  readonly #counts = { received: 0, completed: 0, refused: 0, aborted: 0, died: 0 };
  readonly #seen: SeenRequest[] = [];
  readonly #whenLoaded = new Set<() => void>();
  #loading: NodeJS.Timeout | undefined;
  #isCrashed = false;
  #lastReservation: string | undefined;
  #port = 0;

  constructor(options: FakeWorkerOptions) {
    this.#options = options;
    this.#workerId = options.workerId ?? "worker";
    this.#models = options.models ?? ["fake-model"];
    this.#host = options.host ?? "127.0.0.1";
    this.#slots = new Slots(options.slots ?? 4, options.queueMax ?? 64);
    this.#faults = new FaultPlan(randomFrom(`${options.seed ?? 1}/${this.#workerId}`).next);
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://${this.#host}:${this.#port}`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, this.#host);
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#isCrashed = false;
    const { loadMs = 0 } = this.#options;
    if (loadMs > 0) {
      this.#loading = setTimeout(() => {
        this.#loading = undefined;
        for (const loaded of this.#whenLoaded) loaded();
        this.#whenLoaded.clear();
        this.#changed();
      }, loadMs);
    }
    this.#changed();
  }

  info(): WorkerInfo {
    const { running, waiting, total } = this.#slots;
    const [model_id = "", ...more] = this.#models;
    return {
      worker_id: this.#workerId,
      state: this.#loading !== undefined ? "Loading" : running >= total ? "Busy" : "Idle",
      last_heartbeat: new Date().toISOString(),
      health_status: "healthy",
      ...{ url: this.url, model_id, backend: "cpu", engine: "fake" },
      ...(more.length > 0 && { models: this.#models }),
      ...{ gpu_percent: Math.round((100 * running) / total), slots_total: total },
      ...{ slots_busy: running, queue_depth: waiting },
      ...(this.#lastReservation !== undefined && { last_reservation: this.#lastReservation }),
      ...this.#options.report,
    };
  }

  counts(): FakeWorkerCounts {
    return { ...this.#counts, running: this.#slots.running, waiting: this.#slots.waiting };
  }

  seen(): readonly SeenRequest[] {
    return [...this.#seen];
  }

  setFault(fault: Fault, scope?: FaultScope): void {
    this.#faults.set(fault, scope);
  }

  clearFault(): void {
    this.#faults.clear();
  }

  async crash(): Promise<void> {
    if (this.#isCrashed) return;
    this.#isCrashed = true;
    clearTimeout(this.#loading);
    this.#loading = undefined;
    this.#whenLoaded.clear();
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
    this.#changed();
  }

  async revive(): Promise<void> {
    if (this.#isCrashed) await this.listen(this.#port);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.crash();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that leaves is seen by `close`; an error alone would end the process.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    if (request.method === "GET") return this.#answerQuestion(path, response);
    const raw = await readBody(request);
    if (raw === undefined) return;
    this.#remember(request, path, raw.length);
    this.#counts.received++;
    const fault = this.#faults.draw();
    if (fault?.kind === "refuse") return this.#refuseBroken(response, fault);
    const dialect = request.method === "POST" ? DIALECTS[path] : undefined;
    if (dialect === undefined) return this.#refuse(response, 404, "not_found", `This worker has no ${path}`);
    if (raw.length > BODY_BYTES_MAX) return this.#refuse(response, 413, "too_large", "The body is too large");
    const body = parseBody(raw);
    if (body === undefined) return this.#refuse(response, 400, "invalid_json", "The body is not a JSON object");
    const reservation = request.headers["x-hive-reservation"];
    if (typeof reservation === "string") this.#lastReservation = reservation;
    this.#answer(response, dialect, body, fault);
  }

  #answerQuestion(path: string, response: ServerResponse): void {
    if (path === "/health" || path === "/healthz") {
      sendJson(response, this.#loading === undefined ? 200 : 503, { status: this.#loading ? "loading" : "ok" });
    } else if (path === "/v1/models") {
      const data = this.#models.map((id) => ({ id, object: "model", created: 0, owned_by: "hive-simulation" }));
      sendJson(response, 200, { object: "list", data });
    } else {
      sendJson(response, 404, { error: { message: `This worker has no ${path}`, type: "invalid_request_error" } });
    }
  }

  /** Runs the request as soon as there is a slot and the model is loaded, and counts how it ended, once. */
  #answer(response: ServerResponse, dialect: Dialect, body: Body, fault: Fault | undefined): void {
    const { answerTokens = 16, firstTokenMs = 0, tokensPerSecond = Number.POSITIVE_INFINITY } = this.#options;
    const model = typeof body.model === "string" ? body.model : (this.#models[0] as string);
    const asked = { model, prompt: dialect.prompt(body), tokensMax: dialect.tokensMax(body) };
    const answer = answerTo(asked, { answerTokens });
    const pace = {
      firstTokenMs: firstTokenMs + (fault?.kind === "slow" ? fault.delay_ms : 0),
      tokenMs: 1_000 / tokensPerSecond,
      fault,
      beforeToken: this.#options.beforeToken,
    };
    const isTaken = takeTurn(
      { slots: this.#slots, response },
      {
        answer: async (signal) => {
          await this.#loaded(signal);
          return signal.aborted ? "left" : speak({ response, dialect, body, answer, signal }, pace);
        },
        ended: (how) => {
          this.#counts[how === "aborted" && this.#isCrashed ? "died" : how]++;
          this.#changed();
        },
      },
    );
    if (!isTaken) {
      response.setHeader("retry-after", "1");
      this.#refuse(response, 503, "overloaded", "Too many requests wait for this worker");
      return;
    }
    this.#changed();
  }

  /** Resolves when it is loaded, or the signal is aborted. */
  async #loaded(signal: AbortSignal): Promise<void> {
    if (this.#loading === undefined) return;
    await new Promise<void>((resolve) => {
      this.#whenLoaded.add(resolve);
      signal.addEventListener("abort", () => {
        this.#whenLoaded.delete(resolve);
        resolve();
      });
    });
  }

  #refuse(response: ServerResponse, status: number, code: string, message: string): void {
    this.#counts.refused++;
    sendJson(response, status, { error: { message, type: "invalid_request_error", param: null, code } });
  }

  /** In no shape that a client knows, as broken servers do. */
  #refuseBroken(response: ServerResponse, fault: Fault & { readonly kind: "refuse" }): void {
    this.#counts.refused++;
    response.writeHead(fault.status ?? 503, { "content-type": "text/plain" });
    response.end(fault.body ?? "out of honey");
  }

  #remember({ method = "", headers }: IncomingMessage, path: string, body_bytes: number): void {
    this.#seen.push({ method, path, headers, body_bytes });
    if (this.#seen.length > SEEN_MAX) this.#seen.shift();
  }
}
