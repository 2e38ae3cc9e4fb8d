import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import type { Tracer } from "../gateway/tracer.ts";
import { VERSION } from "../version.ts";
import { RequestSpans } from "./request-spans.ts";

/** Spans that wait to be sent; further ones are lost. */
const WAITING_MAX = 4_096;
/** Spans that are sent at once. */
const BATCH_MAX = 512;
/** How often they are sent, ms. */
const SEND_EVERY_MS = 2_000;
/** How long a receiver may take, its retries included, ms. */
const SEND_WITHIN_MS = 5_000;
/** Of failures to send, one is logged in so long, ms. */
const LOG_EVERY_MS = 60_000;
/** Longest text of an attribute. */
const TEXT_LENGTH_MAX = 512;

export interface Traces {
  readonly tracer: Tracer;
  /** Sends what waits, for so long at most. */
  stop(withinMs: number): Promise<void>;
}

interface TraceDeps {
  readonly log: { warn(fields: object, message: string): void };
  readonly nowMs: () => number;
}

/**
 * Sends traces to an OpenTelemetry receiver, as OTLP over HTTP with JSON. Headers that it wants, a key for one, are read from
 * `OTEL_EXPORTER_OTLP_HEADERS`, as OpenTelemetry's specification says.
 */
export function openTraces(
  deps: TraceDeps,
  options: { readonly endpoint: string; readonly serviceName: string; readonly sampleRatio: number },
): Traces {
  const exporter = new OTLPTraceExporter({ url: options.endpoint, timeoutMillis: SEND_WITHIN_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": options.serviceName, "service.version": VERSION }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sampleRatio) }),
    spanLimits: { attributeValueLengthLimit: TEXT_LENGTH_MAX },
    spanProcessors: [sending(exporter, new Losses(deps))],
  });
  const tracer = provider.getTracer("hive-registry", VERSION);
  return {
    tracer: { request: (path, headers) => new RequestSpans(tracer, path, headers) },
    stop: (withinMs) => within(withinMs, provider.shutdown()),
  };
}

/** Spans that are lost, told in the log once a while. */
class Losses {
  readonly #deps: TraceDeps;
  #lost = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: TraceDeps) {
    this.#deps = deps;
  }

  add(count: number, why: string | undefined): void {
    this.#lost += count;
    const { log, nowMs } = this.#deps;
    if (nowMs() - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = nowMs();
    log.warn({ lost: this.#lost, why }, "traces could not be sent");
    this.#lost = 0;
  }
}

/**
 * The exporter, whose failures are logged and go no further: nobody's request fails because a receiver does. Spans that find no place
 * among those that wait are lost in silence otherwise.
 */
function sending(exporter: SpanExporter, losses: Losses): SpanProcessor {
  let waiting = 0;
  const told: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length;
      exporter.export(spans, (result) => {
        if (result.code !== SENT) losses.add(spans.length, result.error?.message);
        done({ code: SENT });
      });
    },
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
  const batches = new BatchSpanProcessor(told, {
    ...{ maxQueueSize: WAITING_MAX, maxExportBatchSize: BATCH_MAX },
    ...{ scheduledDelayMillis: SEND_EVERY_MS, exportTimeoutMillis: SEND_WITHIN_MS },
  });
  return {
    onStart: (span, context) => batches.onStart(span, context),
    onEnd(span) {
      if ((span.spanContext().traceFlags & SAMPLED) === 0) return;
      if (waiting >= WAITING_MAX) return losses.add(1, `${WAITING_MAX} wait already`);
      waiting++;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
}

/** `TraceFlags.SAMPLED`: others go nowhere. */
const SAMPLED = 1;
/** `ExportResultCode.SUCCESS`. */
const SENT = 0;

/** Waits for it, but not longer; how it ends is its own affair. */
function within(ms: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, ms);
    const end = (): void => {
      clearTimeout(late);
      resolve();
    };
    done.then(end, end);
  });
}
