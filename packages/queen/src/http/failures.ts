import type { Socket } from "node:net";
import { ERROR_MEANING, type ErrorCode, HiveError } from "@hive-registry/contract";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** How Fastify's own failures are called here. */
const BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
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
    if (allowed.length > 0) {
      reply.header("allow", allowed.join(", "));
      return send(
        reply,
        new HiveError("METHOD_NOT_ALLOWED", `${request.method} is not for this path, ${allowed.join(", ")} is`),
      );
    }
    return send(reply, new HiveError("ROUTE_NOT_FOUND", "No such path. /docs lists them"));
  });
  app.setErrorHandler((error: FastifyError | HiveError, request, reply) => send(reply, toHiveError(error, request)));
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

function toHiveError(error: FastifyError | HiveError, request: FastifyRequest): HiveError {
  if (error instanceof HiveError && error.status !== 500) return error;
  if (error instanceof HiveError) {
    // Its message is for whoever runs the queen: it may name files.
    request.log.error({ err: error }, "a request failed");
    return new HiveError(error.code, `${ERROR_MEANING[error.code]} (${request.id})`);
  }
  const code = BY_FASTIFY_CODE[error.code];
  if (code !== undefined) return new HiveError(code, messageFor(code, error));
  if (error instanceof SyntaxError && error.statusCode === 400)
    return new HiveError("INVALID_JSON", "The body is not JSON");
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new HiveError("INVALID_REQUEST", "The request cannot be understood");
  }
  request.log.error({ err: error }, "a request failed");
  return new HiveError("INTERNAL", `Something went wrong here. The log has the reason under ${request.id}`);
}

function messageFor(code: ErrorCode, error: FastifyError): string {
  if (code === "BODY_TOO_LARGE") return "The body is larger than this route takes";
  if (code === "UNSUPPORTED_MEDIA_TYPE") return "Send content-type: application/json";
  if (code === "INVALID_JSON") return "The body is not JSON";
  return error.message;
}

function send(reply: FastifyReply, error: HiveError): FastifyReply {
  if (error.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  reply.header("x-request-id", reply.request.id);
  // A refused upgrade left HTTP's care already: nobody else would close its socket.
  if (reply.request.headers.upgrade !== undefined) {
    reply.header("connection", "close");
    reply.raw.on("finish", () => reply.request.raw.socket.destroySoon());
  }
  if (error.status === 401) reply.header("www-authenticate", "Bearer");
  return reply.code(error.status).type("application/json; charset=utf-8").send(error.toBody());
}

function pathPattern(path: string): RegExp {
  const literal = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/:\w+/g, "[^/]+");
  return new RegExp(`^${literal.replaceAll("\\*", ".*")}/?$`);
}
