import type { IncomingHttpHeaders } from "node:http";

/** What of a client's headers a trace of our own replaces. */
const TRACE_HEADERS: ReadonlySet<string> = new Set(["traceparent", "tracestate"]);

/** Between two hops only, whoever sends them. Rule: RFC 9110, 7.6.1. */
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade"],
];

/** What a worker does not get. */
const NOT_ASKED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // Made anew for this worker.
  ...["host", "content-length", "content-type", "expect"],
  // Meant for the queen: she has judged them.
  ...["authorization", "x-api-key", "cookie", "origin", "referer"],
  // Who compresses a stream collects it first.
  "accept-encoding",
]);

/** What a client does not get. */
const NOT_ANSWERED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "set-cookie",
  "x-sendfile",
  // An answer has one id: the queen's, which her log knows.
  "x-request-id",
]);
/** A worker must not tell the proxy in front of the queen what to do, nor speak for her to a browser. */
const NOT_ANSWERED_PREFIX = /^(?:x-accel-|x-hive-|access-control-)/;

/**
 * What becomes of each name that was seen: few clients and servers send the same names again and again. Undefined: nothing goes
 * on under it. Bounded, for names can be made up.
 */
function remembering(decide: (name: string) => string | undefined): (name: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined || known.has(name)) return before;
    const decided = decide(name);
    if (known.size < NAMES_MAX) known.set(name, decided);
    return decided;
  };
}

const NAMES_MAX = 1_000;

const askedAs = remembering((raw) => {
  const name = raw.toLowerCase();
  return NOT_ASKED.has(name) || name.startsWith("x-hive-") || name.startsWith("sec-") ? undefined : name;
});
const answeredAs = remembering((name) => (NOT_ANSWERED.has(name) || NOT_ANSWERED_PREFIX.test(name) ? undefined : name));

/**
 * Headers for the worker, names and values in turn.
 *
 * @param rawHeaders as Node has them: names and values in turn
 */
export function headersForWorker(
  rawHeaders: readonly string[],
  { connection }: IncomingHttpHeaders,
  options: {
    readonly authorization?: string | undefined;
    readonly reservationId: string;
    /** Names and values in turn; the client's own do not go on then. */
    readonly trace?: readonly string[] | undefined;
  },
): string[] {
  const dropped = namedIn(connection);
  const headers = ["content-type", "application/json", "x-hive-reservation", options.reservationId];
  if (options.authorization !== undefined) headers.push("authorization", options.authorization);
  const { trace } = options;
  if (trace !== undefined) headers.push(...trace);
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = askedAs(rawHeaders[at] as string);
    if (name === undefined || dropped?.has(name) === true) continue;
    if (trace !== undefined && TRACE_HEADERS.has(name)) continue;
    headers.push(name, rawHeaders[at + 1] as string);
  }
  return headers;
}

/** Headers for the client, names and values in turn. @param ours go first; the worker's of the same name are left out */
export function headersForClient(headers: IncomingHttpHeaders, ours: readonly string[]): string[] {
  const dropped = namedIn(headers.connection);
  const all = [...ours];
  for (const name in headers) {
    if (answeredAs(name) === undefined || dropped?.has(name) === true) continue;
    const value = headers[name];
    if (typeof value === "string") all.push(name, value);
    else for (const one of value ?? []) all.push(name, one);
  }
  if (isEventStream(headers)) all.push("x-accel-buffering", "no");
  return all;
}

export const isEventStream = (headers: IncomingHttpHeaders): boolean =>
  headers["content-type"]?.toLowerCase().startsWith("text/event-stream") === true;

/** Without a length and without chunks only the closed connection tells the end, and a death looks like one. */
export const endsByClosing = (headers: IncomingHttpHeaders): boolean =>
  headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;

/** Further names that are between two hops only. */
function namedIn(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return undefined;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}
