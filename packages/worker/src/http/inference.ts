import type { FastifyReply } from "fastify";
import type { FinishReason, GenerateRequest } from "../engine/engine.ts";
import type { ApiError } from "../errors.ts";
import type { WorkerStatus } from "../status.ts";
import { EventStream } from "./event-stream.ts";
import { toApiError } from "./failures.ts";
import type { Outcome, Route, WorkerMetrics } from "./metrics.ts";
import type { ReplyShape, Usage } from "./replies.ts";
import { requestSignal } from "./request-signal.ts";

export interface InferenceDeps {
  readonly status: WorkerStatus;
  readonly metrics: WorkerMetrics;
  /** Aborted when the worker gives up on answers that are still running. */
  readonly stopping: AbortSignal;
}

export interface AnswerOptions {
  /** For the metrics. */
  readonly route: Route;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Silence of a stream after which it says something that readers skip, ms. */
  readonly keepAliveMs: number;
}

interface Answer {
  readonly text: string;
  readonly finish_reason: FinishReason;
  readonly usage: Usage;
}

/** Generates and sends one answer. A client that hangs up stops the generation, queued or running. */
export async function answer(
  deps: InferenceDeps,
  reply: FastifyReply,
  request: GenerateRequest,
  shape: ReplyShape,
  options: AnswerOptions,
): Promise<void> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  let outcome: Outcome = "failed";
  const { signal, hungUp, release } = requestSignal(reply, deps.stopping);
  const stream = options.stream ? new EventStream(reply) : undefined;
  const keepAlive = stream && setInterval(() => keepWarm(stream, shape), options.keepAliveMs);
  try {
    const engine = deps.status.takeWork();
    let usage = usageOf(0, 0, 0);
    let text = "";
    let finish_reason: FinishReason = "stop";
    for await (const event of engine.generate(request, signal)) {
      if (event.type === "start") usage = usageOf(event.prompt_tokens, event.cached_tokens, 0);
      else if (event.type === "text") {
        if (text === "") deps.metrics.firstText(options.route, seconds());
        text += event.text;
        if (stream) {
          begin(stream, shape);
          stream.data(shape.text(event.text));
        }
      } else {
        finish_reason = event.finish_reason;
        const { prompt_tokens, prompt_tokens_details } = usage;
        usage = usageOf(prompt_tokens, prompt_tokens_details.cached_tokens, event.completion_tokens);
      }
    }
    signal.throwIfAborted();
    deps.metrics.used(usage);
    outcome = "ok";
    finish(reply, stream, shape, { text, finish_reason, usage }, options);
  } catch (error) {
    if (hungUp()) {
      outcome = "hangup";
      return;
    }
    const failure = toApiError(error);
    if (!stream?.isOpen) {
      if (failure.status < 500 || failure.retryAfterS !== undefined) outcome = "refused";
      throw error;
    }
    breakOff(reply, stream, error, failure);
  } finally {
    release();
    clearInterval(keepAlive);
    deps.metrics.ended(options.route, outcome, seconds());
  }
}

function begin(stream: EventStream, shape: ReplyShape): void {
  if (stream.isOpen) return;
  stream.open();
  const first = shape.first();
  if (first !== undefined) stream.data(first);
}

function keepWarm(stream: EventStream, shape: ReplyShape): void {
  begin(stream, shape);
  stream.comment();
}

function finish(
  reply: FastifyReply,
  stream: EventStream | undefined,
  shape: ReplyShape,
  { text, finish_reason, usage }: Answer,
  options: AnswerOptions,
): void {
  if (stream === undefined) {
    void reply.send(shape.whole(text, finish_reason, usage));
    return;
  }
  begin(stream, shape);
  stream.data(shape.finish(finish_reason));
  if (options.includeUsage) stream.data(shape.usage(usage));
  stream.done();
}

function breakOff(reply: FastifyReply, stream: EventStream, error: unknown, failure: ApiError): void {
  if (failure.code === "INTERNAL") reply.log.error({ err: error }, "answer broke off");
  stream.fail(failure.toBody());
}

function usageOf(prompt_tokens: number, cached_tokens: number, completion_tokens: number): Usage {
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens },
  };
}
