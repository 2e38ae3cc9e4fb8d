import type { IncomingMessage, ServerResponse } from "node:http";
import { HiveError } from "@hive-registry/contract";
import { type ModelAliases, type Policy, takesFleetToken } from "hive-registry";
import type { Queen } from "../core/queen.ts";
import type { Door } from "../http/door.ts";
import { readBody } from "./body.ts";
import { Exchange, type ExchangeDeps } from "./exchange.ts";
import { failureOf, Refusal } from "./failures.ts";
import type { GatewayLimits } from "./limits.ts";
import { listModels, oneModel } from "./models.ts";
import { type Dialect, INFERENCE_PATHS, type InferencePath, inferencePath, MODELS_PATH } from "./paths.ts";
import { placesOf } from "./places.ts";
import { readQuestion } from "./question.ts";
import { type ClientSide, Reply } from "./reply.ts";
import { GatewayStats } from "./stats.ts";
import type { RequestTrace, Tracer } from "./tracer.ts";
import type { Transport } from "./transport.ts";
import { UnderWay } from "./under-way.ts";

/** How often time is let take effect for the requests under way, ms. */
const TICK_MS = 100;

export interface GatewayOptions {
  readonly limits: GatewayLimits;
  readonly aliases: ModelAliases;
  /** Of requests that name none. */
  readonly policy: Policy;
  /** The fleet's. */
  readonly token: string | undefined;
}

/** A server that hands requests on to the workers: OpenAI's and Anthropic's paths, below `/v1`. */
export class Gateway {
  readonly stats: GatewayStats = new GatewayStats(INFERENCE_PATHS.map(({ path }) => path));
  readonly #queen: Queen;
  readonly #transport: Transport;
  readonly #guard: GatewayDeps["guard"];
  readonly #nextRequestId: () => string;
  readonly #log: GatewayDeps["log"];
  readonly #tracer: Tracer | undefined;
  readonly #options: GatewayOptions;
  readonly #exchangeDeps: ExchangeDeps;
  readonly #underWay: UnderWay = new UnderWay();
  readonly #createdS: number;
  readonly #stops: readonly (() => void)[];
  #isStopping = false;

  constructor(deps: GatewayDeps, options: GatewayOptions) {
    const { queen, transport } = deps;
    const { clock, registry } = queen;
    this.#queen = queen;
    this.#transport = transport;
    this.#guard = deps.guard;
    this.#nextRequestId = deps.nextRequestId;
    this.#log = deps.log;
    this.#tracer = deps.tracer;
    this.#options = options;
    this.#createdS = Math.floor(clock.nowMs() / 1_000);
    const key = options.token === undefined ? undefined : `Bearer ${options.token}`;
    this.#exchangeDeps = {
      ...{ transport, places: placesOf(queen), nowMs: () => clock.nowMs(), stats: this.stats, log: deps.log },
      authorizationFor: ({ hive_id, worker }) =>
        key !== undefined && takesFleetToken(worker, () => registry.getHiveState(hive_id)?.hive_url) ? key : undefined,
      onOver: (exchange) => {
        this.#underWay.remove(exchange);
        this.stats.in_flight = this.#underWay.size;
      },
      onSeen: (seen) => {
        const { model, isServed, ...request } = seen;
        this.stats.models.add(seen);
        queen.telemetry.request(model, isServed, request);
      },
    };
    this.#stops = [
      clock.every(TICK_MS, () => this.#tick()),
      registry.subscribe(
        (event) => {
          const { type } = event;
          if (type === "hive.silent" || type === "hive.evicted" || type === "hive.removed") {
            this.#hiveIsGone(event.hive_id);
          }
        },
        { heartbeats: false },
      ),
    ];
  }

  /** Takes what is below `/v1`, whatever it is. */
  readonly door: Door = (request, response) => {
    const path = pathOf(request.url);
    if (!path.startsWith("/v1/") && path !== "/v1") return false;
    this.#take(request, response, path);
    return true;
  };

  /** Nothing new is taken from now on, and who waits for a worker is sent away. What is under way goes on. */
  stopTaking(): void {
    this.#isStopping = true;
    this.#queen.line.refuseAll(new HiveError("SHUTTING_DOWN", "The queen stops"));
  }

  /** Ends what is still under way, telling each client so. */
  async stop(): Promise<void> {
    this.stopTaking();
    for (const exchange of this.#underWay.list()) exchange.shutDown();
    for (const stop of this.#stops) stop();
    await this.#transport.close();
  }

  /** Sends one question on its way. */
  ask(path: InferencePath, asked: Asked, body: Buffer, client: ClientSide, ours: readonly string[]): void {
    const reply = new Reply(client, { path }, ours);
    let exchange: Exchange;
    try {
      const question = readQuestion(path, asked, body, this.#options);
      exchange = new Exchange(this.#exchangeDeps, this.#options.limits, {
        question,
        client,
        reply,
        trace: asked.trace,
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const failure = failureOf(path.dialect, error.error, { param: error.param });
      this.stats.ended(path.path, "client_error");
      asked.trace?.ended("client_error", failure.status);
      reply.fail(failure);
      return;
    }
    this.#underWay.add(exchange);
    this.stats.in_flight = this.#underWay.size;
    this.stats.body_bytes += exchange.bodyBytes;
    exchange.start();
  }

  #take(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { method } = request;
    const inference = inferencePath(path);
    const dialect: Dialect = inference?.dialect ?? "openai";
    const ours = ["x-request-id", this.#nextRequestId()];
    const refuse = (
      error: HiveError,
      options: { readonly param?: string | undefined; readonly allow?: string } = {},
    ) => {
      const { allow, param } = options;
      const more = allow === undefined ? ours : [...ours, "allow", allow];
      new Reply(response, { path: inference ?? NO_PATH }, more).fail(failureOf(dialect, error, { param }));
    };
    const fault = this.#guard(request);
    if (fault !== undefined) refuse(fault);
    else if (this.#isStopping) {
      ours.push("connection", "close");
      refuse(new HiveError("SHUTTING_DOWN", "The queen stops"));
    } else if (inference !== undefined) {
      if (method === "POST") this.#read(request, response, inference, ours, refuse);
      else refuse(notFor(method, "POST"), { allow: "POST" });
    } else if (path === MODELS_PATH || path.startsWith(`${MODELS_PATH}/`)) {
      if (method === "GET" || method === "HEAD") this.#tellModels(response, path, ours, refuse);
      else refuse(notFor(method, "GET"), { allow: "GET, HEAD" });
    } else refuse(new HiveError("ROUTE_NOT_FOUND", "No such path. /docs lists them"));
  }

  #read(
    request: IncomingMessage,
    response: ServerResponse,
    path: InferencePath,
    ours: readonly string[],
    refuse: (error: HiveError, options: { readonly param: string | undefined }) => void,
  ): void {
    const { headers, rawHeaders } = request;
    const trace = this.#tracer?.request(path, headers);
    if (trace !== undefined) response.on("close", () => trace.ended("hangup", 0));
    const asked: Asked = { target: request.url ?? path.path, headers, rawHeaders, trace };
    readBody(
      request,
      { stats: this.stats, limits: this.#options.limits },
      (body) => {
        try {
          this.ask(path, asked, body, response, ours);
        } catch (error) {
          this.#log.error({ err: error }, "a request failed");
          if (!response.headersSent)
            refuse(new HiveError("INTERNAL", "Something went wrong here"), { param: undefined });
        }
      },
      ({ error, param }) => {
        this.stats.ended(path.path, "refused");
        trace?.ended("refused", error.status);
        refuse(error, { param });
      },
    );
  }

  #tellModels(
    response: ServerResponse,
    path: string,
    ours: readonly string[],
    refuse: (error: HiveError, options: { readonly param: string }) => void,
  ): void {
    const { registry, onDemand } = this.#queen;
    const { aliases } = this.#options;
    const createdS = this.#createdS;
    try {
      const value =
        path === MODELS_PATH
          ? { object: "list", data: listModels(registry, { aliases, createdS, startable: () => onDemand.models() }) }
          : oneModel(registry, decoded(path.slice(MODELS_PATH.length + 1)), {
              createdS,
              isStartable: (model) => onDemand.has(model),
            });
      new Reply(response, { path: NO_PATH }, ours).answer(200, JSON_HEADERS, JSON.stringify(value));
    } catch (error) {
      if (!(error instanceof HiveError)) throw error;
      refuse(error, { param: "model" });
    }
  }

  #tick(): void {
    if (this.#underWay.size === 0) return;
    const nowMs = this.#queen.clock.nowMs();
    for (const exchange of this.#underWay.list()) exchange.tick(nowMs);
  }

  #hiveIsGone(hiveId: string): void {
    for (const exchange of this.#underWay.list()) if (exchange.hiveId === hiveId) exchange.hiveIsGone();
  }
}

export interface GatewayDeps {
  readonly queen: Queen;
  readonly transport: Transport;
  readonly guard: (request: Pick<IncomingMessage, "url" | "headers">) => HiveError | undefined;
  readonly nextRequestId: () => string;
  /** Undefined: nobody records traces. */
  readonly tracer?: Tracer | undefined;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

/** The head of a request for inference. */
export interface Asked {
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly trace?: RequestTrace | undefined;
}

const JSON_HEADERS = ["content-type", "application/json; charset=utf-8"];
/** Of what is no inference: errors are OpenAI's. */
const NO_PATH: InferencePath = { path: "", summary: "", dialect: "openai", promptMembers: [], endMarks: [] };

const notFor = (method: string | undefined, right: string): HiveError =>
  new HiveError("METHOD_NOT_ALLOWED", `${method} is not for this path, ${right} is`);

function pathOf(url = ""): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

/** An id that is no URL text stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
