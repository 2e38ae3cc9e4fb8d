import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
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
    spanProcessors: [
      new BatchSpanProcessor(telling(exporter, deps), {
        ...{ maxQueueSize: WAITING_MAX, maxExportBatchSize: BATCH_MAX },
        ...{ scheduledDelayMillis: SEND_EVERY_MS, exportTimeoutMillis: SEND_WITHIN_MS },
      }),
    ],
  });
  const tracer = provider.getTracer("hive-registry", VERSION);
  return {
    tracer: { request: (path, headers) => new RequestSpans(tracer, path, headers) },
    stop: (withinMs) => within(withinMs, provider.shutdown()),
  };
}

/** The exporter, whose failures are logged and go no further: nobody's request fails because a receiver does. */
function telling(exporter: SpanExporter, { log, nowMs }: TraceDeps): SpanExporter {
  let lost = 0;
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== SENT) {
          lost += spans.length;
          if (nowMs() - loggedAtMs >= LOG_EVERY_MS) {
            loggedAtMs = nowMs();
            log.warn({ lost, why: result.error?.message }, "traces could not be sent");
            lost = 0;
          }
        }
        done({ code: SENT });
      });
    },
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

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
