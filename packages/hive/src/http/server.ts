import { randomUUID } from "node:crypto";
import type { Log } from "@hive-registry/command";
import { HEARTBEAT_BYTES_MAX, HiveError } from "@hive-registry/contract";
import { type FastifyInstance, type FastifyReply, fastify, type HTTPMethods } from "fastify";
import { toHiveError } from "./failures.ts";
import { admit, type GuardOptions } from "./guard.ts";
import { addRoutes, type HiveCore } from "./routes.ts";

/** Connections at once; more are closed. */
const CONNECTIONS_MAX = 512;
/** From the first byte of a request to its last. */
const REQUEST_LIMIT_MS = 30_000;
const METHODS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const UNREADABLE = new HiveError("INVALID_REQUEST", "The request cannot be understood");
/** To bytes that are not HTTP: there is no request to reply to, only a socket. */
const UNREADABLE_REPLY = [
  "HTTP/1.1 400 Bad Request",
  "content-type: application/json",
  "connection: close",
  "",
  JSON.stringify(UNREADABLE.toBody()),
].join("\r\n");

function answerUnreadable(_error: unknown, _request: unknown, reply: FastifyReply): void {
  void reply.code(UNREADABLE.status).send(UNREADABLE.toBody());
}

/** The hive's own API, not listening yet. */
export function createServer(
  deps: { readonly core: HiveCore; readonly log: Log },
  guard: GuardOptions,
): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: HEARTBEAT_BYTES_MAX,
    requestTimeout: REQUEST_LIMIT_MS,
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 2_048 },
    frameworkErrors: answerUnreadable,
    clientErrorHandler: (_error, socket) => {
      if (socket.writable) socket.end(UNREADABLE_REPLY);
    },
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.removeContentTypeParser("text/plain");

  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("x-request-id", request.id);
    admit({ method: request.method, route: request.routeOptions.url, headers: request.headers }, guard);
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    const failure = toHiveError(error);
    if (failure.code === "INTERNAL") deps.log.error({ err: error, request_id: request.id }, "a request failed");
    if (failure.code === "UNAUTHENTICATED") void reply.header("www-authenticate", "Bearer");
    return reply.code(failure.status).send(failure.toBody());
  });
  app.setNotFoundHandler((request) => {
    throw new HiveError(
      "ROUTE_NOT_FOUND",
      `There is no ${request.method} ${request.url.split("?", 1)[0]?.slice(0, 200)}`,
    );
  });

  const methodsByPath = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ method, url }) => {
    const methods = methodsByPath.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    methodsByPath.set(url, methods);
  });
  addRoutes(app, deps.core);
  for (const [url, methods] of [...methodsByPath]) refuseOtherMethods(app, url, [...methods]);
  return app;
}

/** Before the body is looked at: whatever it is, it was not meant for this path. */
function refuseOtherMethods(app: FastifyInstance, url: string, methods: readonly string[]): void {
  const allow = methods.join(", ");
  app.route({
    url,
    method: METHODS.filter((method) => !methods.includes(method)),
    onRequest: async (request, reply) => {
      void reply.header("allow", allow);
      throw new HiveError("METHOD_NOT_ALLOWED", `${request.method} is not for this path; there are ${allow}`);
    },
    handler: async () => {},
  });
}
