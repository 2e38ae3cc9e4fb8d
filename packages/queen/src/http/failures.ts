import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ERROR_MEANING, HiveError } from "@hive-registry/contract";
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply } from "fastify";

type BodyFault = "BODY_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "INVALID_JSON";

/** How Fastify's own failures are called here. */
const BY_FASTIFY_CODE: Readonly<Record<string, BodyFault | "INVALID_REQUEST">> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "BODY_TOO_LARGE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_CTP_INVALID_JSON_BODY: "INVALID_JSON",
  FST_ERR_CTP_EMPTY_JSON_BODY: "INVALID_JSON",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "INVALID_REQUEST",
  FST_ERR_BAD_URL: "INVALID_REQUEST",
};
const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;
const RETRY_AFTER_SECONDS = 1;

/** Turns whatever went wrong into the one shape of error replies. Nothing of the inside leaves: no stack, no path. */
export function answerFailures(app: FastifyInstance): void {
  const routes: { readonly method: string; readonly path: RegExp }[] = [];
  app.addHook("onRoute", ({ method, path }) => {
    for (const each of [method].flat()) routes.push({ method: each, path: pathPattern(path) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] as string;
    const allowed = METHODS.filter((method) =>
      routes.some((route) => route.method === method && route.path.test(path)),
    );
    // A wildcard's path is one, and what it stands for need not exist.
    const asked = request.method === "HEAD" ? "GET" : request.method;
    if (allowed.length > 0 && !allowed.some((method) => method === asked)) {
      reply.header("allow", allowed.join(", "));
      return send(
        reply,
        new HiveError("METHOD_NOT_ALLOWED", `${request.method} is not for this path, ${allowed.join(", ")} is`),
      );
    }
    return send(reply, new HiveError("ROUTE_NOT_FOUND", "No such path. /docs lists them"));
  });
  app.setErrorHandler((error: FastifyError | HiveError, request, reply) =>
    send(reply, fastifyFailure(error) ?? failureOf(error, request)),
  );
}

const UNREADABLE = new HiveError("INVALID_REQUEST", "The request cannot be understood");
const UNREADABLE_BODY = JSON.stringify(UNREADABLE.toBody());
const UNREADABLE_REPLY = [
  "HTTP/1.1 400 Bad Request",
  "connection: close",
  "content-type: application/json; charset=utf-8",
  `content-length: ${Buffer.byteLength(UNREADABLE_BODY)}`,
  "",
  UNREADABLE_BODY,
].join("\r\n");

/** Answers what is refused before any route or hook sees it: an address with a broken escape, say. */
export function answerUnreadable(_error: unknown, _request: unknown, reply: FastifyReply): void {
  send(reply, UNREADABLE);
}

/** Answers what is not even HTTP, or not in time, and closes. Into an answer that is under way nothing is written. */
export function answerNoise(_error: unknown, socket: Socket): void {
  if (socket.writable && socket.bytesWritten === 0) socket.end(UNREADABLE_REPLY);
  socket.destroySoon();
}

/** What may be told of it. A failure that is ours goes into the log whole, and the answer has only the request's id. */
export function failureOf(
  error: unknown,
  { id, log }: { readonly id: string; readonly log: Pick<FastifyBaseLogger, "error"> },
): HiveError {
  if (error instanceof HiveError && error.status !== 500) return error;
  log.error({ err: error }, "a request failed");
  // Its message is for whoever runs the queen: it may name files.
  if (error instanceof HiveError) return new HiveError(error.code, `${ERROR_MEANING[error.code]} (${id})`);
  return new HiveError("INTERNAL", `Something went wrong here. The log has the reason under ${id}`);
}

/** Undefined for what is not Fastify's. */
function fastifyFailure(error: FastifyError | HiveError): HiveError | undefined {
  if (error instanceof HiveError) return undefined;
  const code = BY_FASTIFY_CODE[error.code];
  if (code !== undefined) return code === "INVALID_REQUEST" ? new HiveError(code, error.message) : bodyFailure(code);
  if (error instanceof SyntaxError && error.statusCode === 400) return bodyFailure("INVALID_JSON");
  return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500 ? UNREADABLE : undefined;
}

const BODY_FAULTS: Readonly<Record<BodyFault, string>> = {
  BODY_TOO_LARGE: "The body is larger than this route takes",
  UNSUPPORTED_MEDIA_TYPE: "Send content-type: application/json",
  INVALID_JSON: "The body is not JSON",
};

/** A body that cannot be read, said the same way whoever reads it. */
export const bodyFailure = (code: BodyFault): HiveError => new HiveError(code, BODY_FAULTS[code]);

/** Answers where Fastify has no part. `close`: nothing more is read from this connection. */
export function writeFailure(
  response: ServerResponse,
  error: HiveError,
  requestId: string,
  options: { readonly close?: boolean } = {},
): void {
  const body = JSON.stringify(error.toBody());
  const close = options.close === true ? { connection: "close" } : {};
  response.writeHead(error.status, {
    ...headersOf(error, requestId),
    "content-length": Buffer.byteLength(body),
    ...close,
  });
  response.end(body);
}

function send(reply: FastifyReply, error: HiveError): FastifyReply {
  // A refused upgrade left HTTP's care already: nobody else would close its socket.
  if (reply.request.headers.upgrade !== undefined) {
    reply.header("connection", "close");
    reply.raw.on("finish", () => reply.request.raw.socket.destroySoon());
  }
  return reply.code(error.status).headers(headersOf(error, reply.request.id)).send(error.toBody());
}

const headersOf = (error: HiveError, requestId: string): Record<string, string | number> => ({
  "content-type": "application/json; charset=utf-8",
  "x-request-id": requestId,
  ...(error.status === 503 && { "retry-after": RETRY_AFTER_SECONDS }),
  ...(error.status === 401 && { "www-authenticate": "Bearer" }),
});

function pathPattern(path: string): RegExp {
  const literal = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/:\w+/g, "[^/]+");
  return new RegExp(`^${literal.replaceAll("\\*", ".*")}/?$`);
}
