import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A span as a receiver gets it. */
export interface ASpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly isError: boolean;
  readonly ms: number;
}

export interface TraceReceiver {
  readonly endpoint: string;
  readonly spans: ASpan[];
  /** Attributes of who sent, of each message. */
  readonly senders: Readonly<Record<string, unknown>>[];
  readonly asked: number[];
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface WireSpan extends Omit<ASpan, "attributes" | "events" | "isError" | "ms"> {
  readonly attributes?: readonly Attribute[];
  readonly events?: readonly { readonly name: string }[];
  readonly status?: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}
interface Message {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

/** Takes OTLP over HTTP as JSON, on a real socket. Ends with the test. @param status that it answers */
export async function aTraceReceiver(status = 200): Promise<TraceReceiver> {
  const spans: ASpan[] = [];
  const senders: Readonly<Record<string, unknown>>[] = [];
  const asked: number[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Message;
    asked.push(status);
    for (const { resource, scopeSpans } of status === 200 ? resourceSpans : []) {
      senders.push(fields(resource.attributes));
      for (const { spans: some } of scopeSpans) spans.push(...some.map(read));
    }
    response.writeHead(status, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, spans, senders, asked };
}

const read = ({ attributes = [], events = [], status, ...span }: WireSpan): ASpan => ({
  ...{ name: span.name, kind: span.kind, traceId: span.traceId, spanId: span.spanId },
  parentSpanId: span.parentSpanId || undefined,
  attributes: fields(attributes),
  events: events.map(({ name }) => name),
  isError: status?.code === 2,
  ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
});

const fields = (attributes: readonly Attribute[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
