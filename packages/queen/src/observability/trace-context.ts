import type { IncomingHttpHeaders } from "node:http";
import { createTraceState, type SpanContext, TraceFlags } from "@opentelemetry/api";

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const STATE_LENGTH_MAX = 512;

/** The span that a client names as the one of which its request is part. Rule: W3C Trace Context, 3.2; what breaks it is passed over. */
export function contextIn(headers: IncomingHttpHeaders): SpanContext | undefined {
  const { traceparent, tracestate } = headers;
  const [, version, traceId = "", spanId = "", flags = "", more] =
    typeof traceparent === "string" ? (TRACEPARENT.exec(traceparent) ?? []) : [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const hasState = typeof tracestate === "string" && tracestate !== "" && tracestate.length <= STATE_LENGTH_MAX;
  return {
    ...{ traceId, spanId, isRemote: true, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED },
    ...(hasState && { traceState: createTraceState(tracestate) }),
  };
}

/** Names and values in turn, for who goes on with the trace. */
export function headersOf({ traceId, spanId, traceFlags, traceState }: SpanContext): string[] {
  const flags = traceFlags.toString(16).padStart(2, "0");
  const state = traceState?.serialize() ?? "";
  return ["traceparent", `00-${traceId}-${spanId}-${flags}`, ...(state === "" ? [] : ["tracestate", state])];
}
