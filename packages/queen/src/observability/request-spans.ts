import type { IncomingHttpHeaders } from "node:http";
import {
  type Attributes,
  type Context,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { Outcome, Reservation } from "hive-registry";
import type { Ending } from "../gateway/endings.ts";
import type { InferencePath } from "../gateway/paths.ts";
import type { Question } from "../gateway/question.ts";
import type { RequestTrace } from "../gateway/tracer.ts";
import type { Usage } from "../gateway/usage.ts";
import type { WorkerUrl } from "../gateway/worker-url.ts";
import { contextIn, headersOf } from "./trace-context.ts";

/** What OpenTelemetry's conventions call what a path asks for. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "/v1/chat/completions": "chat",
  "/v1/messages": "chat",
  "/v1/responses": "chat",
  "/v1/completions": "text_completion",
  "/v1/embeddings": "embeddings",
  "/v1/rerank": "rerank",
};

/**
 * One request as spans: the request, and below it each choice, each wait in line and each try at a worker. Attributes are those of
 * OpenTelemetry's conventions for HTTP and for generative AI; ours begin with `hive_registry.`.
 */
export class RequestSpans implements RequestTrace {
  readonly #tracer: OtelTracer;
  readonly #operation: string;
  readonly #request: Span;
  readonly #context: Context;
  /** Open ones: a choice or a wait, and a try. */
  #search: Span | undefined;
  #try: Span | undefined;
  #tries = 0;
  #isOver = false;

  constructor(tracer: OtelTracer, path: InferencePath, headers: IncomingHttpHeaders) {
    this.#tracer = tracer;
    this.#operation = OPERATIONS[path.path] ?? "request";
    const theirs = contextIn(headers);
    const parent = theirs === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, theirs);
    const attributes = {
      ...{ "http.request.method": "POST", "http.route": path.path, "url.path": path.path, "url.scheme": "http" },
      "gen_ai.operation.name": this.#operation,
    };
    this.#request = tracer.startSpan(`POST ${path.path}`, { kind: SpanKind.SERVER, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#request);
  }

  asks({ model, stream, wish }: Pick<Question, "model" | "stream" | "wish">): void {
    this.#request.setAttributes({ "gen_ai.request.model": model, "hive_registry.stream": stream });
    if (wish.policy !== undefined) this.#request.setAttribute("hive_registry.policy", wish.policy);
  }

  chooses(): void {
    this.#endSearch("none");
    this.#search = this.#child("choice");
  }

  waits(): void {
    this.#endSearch("waits");
    this.#search = this.#child("queue");
  }

  chosen({ hive_id, worker, model }: Reservation): void {
    const ids = { "hive_registry.hive_id": hive_id, "hive_registry.worker_id": worker.worker_id };
    this.#search?.setAttributes({ ...ids, "hive_registry.model": model });
    this.#endSearch("worker");
  }

  sends({ hive_id, worker, model }: Reservation, { origin }: WorkerUrl): readonly string[] {
    const { hostname, port, protocol } = new URL(origin);
    this.#tries++;
    this.#try = this.#child(`${this.#operation} ${model}`, SpanKind.CLIENT, {
      ...{ "gen_ai.operation.name": this.#operation, "gen_ai.request.model": model },
      ...(worker.engine !== undefined && { "gen_ai.provider.name": worker.engine }),
      ...{ "http.request.method": "POST", "server.address": hostname },
      "server.port": Number(port || (protocol === "https:" ? 443 : 80)),
      ...{ "hive_registry.hive_id": hive_id, "hive_registry.worker_id": worker.worker_id },
      ...(this.#tries > 1 && { "http.request.resend_count": this.#tries - 1 }),
    });
    return headersOf(this.#try.spanContext());
  }

  began(status: number): void {
    this.#try?.setAttribute("http.response.status_code", status);
    this.#try?.addEvent("first byte");
  }

  tried(outcome: Outcome, status: number, why?: string): void {
    const span = this.#try;
    this.#try = undefined;
    if (span === undefined) return;
    if (status > 0) span.setAttribute("http.response.status_code", status);
    span.setAttribute("hive_registry.outcome", outcome);
    if (outcome === "error" || status >= 400) {
      span.setAttribute("error.type", status >= 400 ? String(status) : (why ?? "_OTHER"));
      span.setStatus({ code: SpanStatusCode.ERROR, ...(why !== undefined && { message: why }) });
    }
    span.end();
  }

  used({ input_tokens, output_tokens }: Usage): void {
    if (input_tokens !== undefined) this.#request.setAttribute("gen_ai.usage.input_tokens", input_tokens);
    if (output_tokens !== undefined) this.#request.setAttribute("gen_ai.usage.output_tokens", output_tokens);
  }

  ended(ending: Ending, status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endSearch(ending === "hangup" ? "left" : "none");
    this.tried("cancelled", 0);
    const request = this.#request;
    request.setAttributes({ "hive_registry.ending": ending, "hive_registry.tries": this.#tries });
    if (status > 0) request.setAttribute("http.response.status_code", status);
    if (status >= 500 || ending === "worker_error") {
      request.setAttribute("error.type", status >= 400 ? String(status) : ending);
      request.setStatus({ code: SpanStatusCode.ERROR, message: ending });
    }
    request.end();
  }

  #endSearch(outcome: "worker" | "waits" | "none" | "left"): void {
    this.#search?.setAttribute("hive_registry.outcome", outcome);
    this.#search?.end();
    this.#search = undefined;
  }

  #child(name: string, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes = {}): Span {
    return this.#tracer.startSpan(name, { kind, attributes }, this.#context);
  }
}
