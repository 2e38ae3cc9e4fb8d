import { randomUUID } from "node:crypto";
import { tokenCheck } from "@hive-registry/command";
import { METRICS_CONTENT_TYPE } from "@hive-registry/command/metrics";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { ApiError } from "../errors.ts";
import type { WorkerStatus } from "../status.ts";
import { allowBrowsers, demandToken } from "./access.ts";
import {
  CHAT_SCHEMA,
  type ChatBody,
  COMPLETION_SCHEMA,
  type CompletionBody,
  EMBEDDINGS_SCHEMA,
  type EmbeddingsBody,
  type SamplingBody,
} from "./bodies.ts";
import { answerFailures } from "./failures.ts";
import { type AnswerOptions, answer, type InferenceDeps } from "./inference.ts";
import { type Route, WorkerMetrics } from "./metrics.ts";
import { chatReply, completionReply, type ReplyHead } from "./replies.ts";
import { requestSignal } from "./request-signal.ts";
import { chatRequest, completionRequest, refuseUnsupported } from "./requests.ts";

export interface ServerDeps {
  readonly status: WorkerStatus;
  readonly log: FastifyBaseLogger;
  /** Aborted when the worker gives up on answers that are still running. */
  readonly stopping: AbortSignal;
  /** Ms since epoch. */
  readonly now: () => number;
}

export interface ServerOptions {
  /** The id that models are served under; first of the names. */
  readonly modelId: string;
  /** Other names a request may use for the model. */
  readonly otherNames?: readonly string[];
  /** The API key that every route but `/health` demands; absent: none. */
  readonly token?: string;
  /** SHA-256, hex, of another API key that it takes. */
  readonly fleetTokenSha256?: string;
  readonly keepAliveMs?: number;
}

export const BODY_LIMIT_BYTES: number = 32 * 1024 * 1024;
/** Well under the 60 s after which common proxies give up on a silent connection. */
const KEEP_ALIVE_MS = 10_000;
const MAX_RESERVATION_ID_LENGTH = 128;

/** OpenAI's API over whatever engine the status holds. Not listening yet. */
export function createServer(deps: ServerDeps, options: ServerOptions): FastifyInstance {
  const { status } = deps;
  const metrics = new WorkerMetrics(status);
  const inference: InferenceDeps = { status, metrics, stopping: deps.stopping };
  const startedAtS = Math.floor(deps.now() / 1000);
  const app = Fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    // While it closes, requests get this worker's own words for it.
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    // No coercion: "5" is not 5. Verbose: errors carry the rule's own words.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, verbose: true } },
  });
  readAnyBodyAsJson(app);
  answerFailures(app);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  const { token, fleetTokenSha256 } = options;
  const demands = token !== undefined || fleetTokenSha256 !== undefined;
  allowBrowsers(app, { anySite: demands });
  if (demands) demandToken(app, tokenCheck([token], [fleetTokenSha256]));

  app.get("/health", async () => {
    status.takeWork();
    const load = status.load();
    return { status: "ok", model: options.modelId, ...load, slots_idle: load.slots_total - load.slots_busy };
  });
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", METRICS_CONTENT_TYPE);
    return metrics.page();
  });

  const model = (): object => ({
    id: options.modelId,
    object: "model",
    created: startedAtS,
    owned_by: "hive-worker",
    meta: status.takeWork().info,
  });
  app.get("/v1/models", async () => ({ object: "list", data: [model()] }));
  app.get<{ Params: { id: string } }>("/v1/models/:id", async (request) => {
    checkModel(request.params.id, options);
    return model();
  });

  const head = (prefix: string, body: SamplingBody): ReplyHead => ({
    id: `${prefix}-${randomUUID()}`,
    created: Math.floor(deps.now() / 1000),
    model: options.modelId,
    usageFollows: includesUsage(body),
  });
  const answerOptions = (route: Route, body: SamplingBody): AnswerOptions => ({
    route,
    stream: body.stream === true,
    includeUsage: includesUsage(body),
    keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
  });
  const admit = (request: FastifyRequest, body: SamplingBody): void => {
    status.takeWork();
    checkModel(body.model, options);
    refuseUnsupported(body);
    noteReservation(request, status);
  };

  app.post<{ Body: ChatBody }>("/v1/chat/completions", { schema: { body: CHAT_SCHEMA } }, async (request, reply) => {
    const { body } = request;
    admit(request, body);
    const shape = chatReply(head("chatcmpl", body));
    await answer(inference, reply, chatRequest(body), shape, answerOptions("chat", body));
    return reply;
  });
  app.post<{ Body: CompletionBody }>(
    "/v1/completions",
    { schema: { body: COMPLETION_SCHEMA } },
    async (request, reply) => {
      const { body } = request;
      admit(request, body);
      const shape = completionReply(head("cmpl", body));
      await answer(inference, reply, completionRequest(body), shape, answerOptions("completions", body));
      return reply;
    },
  );
  app.post<{ Body: EmbeddingsBody }>(
    "/v1/embeddings",
    { schema: { body: EMBEDDINGS_SCHEMA } },
    async (request, reply) => {
      admit(request, request.body);
      return await embed(inference, reply, request.body, options.modelId);
    },
  );
  return app;
}

async function embed(
  { status, metrics, stopping }: InferenceDeps,
  reply: FastifyReply,
  body: EmbeddingsBody,
  modelId: string,
): Promise<object> {
  const startedAt = performance.now();
  const { signal, hungUp, release } = requestSignal(reply, stopping);
  let ok = false;
  try {
    const inputs = typeof body.input === "string" ? [body.input] : body.input;
    const { vectors, prompt_tokens } = await status.takeWork().embed(inputs, signal);
    const data = vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: body.encoding_format === "base64" ? base64(vector) : vector,
    }));
    ok = true;
    return { object: "list", data, model: modelId, usage: { prompt_tokens, total_tokens: prompt_tokens } };
  } finally {
    release();
    const outcome = ok ? "ok" : hungUp() ? "hangup" : "failed";
    metrics.ended("embeddings", outcome, (performance.now() - startedAt) / 1000);
  }
}

/** Little-endian 32-bit floats, as OpenAI's clients decode them. */
function base64(vector: readonly number[]): string {
  const buffer = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => {
    buffer.writeFloatLE(value, index * 4);
  });
  return buffer.toString("base64");
}

/** `curl -d` says form-urlencoded and means JSON; what is not JSON fails either way. */
function readAnyBodyAsJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, app.getDefaultJsonParser("error", "error"));
}

function checkModel(name: string | null | undefined, options: ServerOptions): void {
  if (name == null || name === options.modelId || options.otherNames?.includes(name)) return;
  throw new ApiError("MODEL_NOT_FOUND", `this worker serves ${options.modelId}, not ${name}`, "model");
}

function includesUsage(body: SamplingBody): boolean {
  return body.stream === true && body.stream_options?.include_usage === true;
}

function noteReservation(request: FastifyRequest, status: WorkerStatus): void {
  const { hive_handover: handover } = request.query as { readonly hive_handover?: unknown };
  const id = request.headers["x-hive-reservation"];
  // A client that a queen sent here brings the id in the query: a redirect can set no header.
  if (isReservationId(handover)) status.handedOver(handover);
  else if (isReservationId(id)) status.reserved(id);
}

const isReservationId = (id: unknown): id is string =>
  typeof id === "string" && id !== "" && id.length <= MAX_RESERVATION_ID_LENGTH;
