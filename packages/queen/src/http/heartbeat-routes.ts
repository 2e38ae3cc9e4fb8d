import type { WebSocket } from "@fastify/websocket";
import {
  ErrorReplySchema,
  HeartbeatReplySchema,
  HeartbeatSchema,
  HiveError,
  type Schema,
  shape,
} from "@hive-registry/contract";
import type { FastifyBaseLogger } from "fastify";
import { Type } from "typebox";
import type { Queen } from "../core/queen.ts";
import { HEARTBEAT_PATH, type SenderOf } from "./auth.ts";
import type { TakeHeartbeat } from "./heartbeat-door.ts";
import { serveHeartbeats } from "./heartbeat-socket.ts";
import type { App } from "./typed-app.ts";

const AckSchema: Schema<{ readonly ack?: string }> = shape<{ readonly ack?: string }>()(
  Type.Object({ ack: Type.Optional(Type.String({ maxLength: 16 })) }),
);

/**
 * What Fastify has to know of heartbeats: how a POST is described, and who speaks on a WebSocket. A POST does not come here but
 * by the door, unless its address has a query; then, too, it is taken as it is at the door.
 */
export function heartbeatRoutes(
  app: App,
  deps: {
    readonly queen: Queen;
    readonly take: TakeHeartbeat;
    readonly senderOf: SenderOf;
    readonly log: FastifyBaseLogger;
  },
): void {
  const { queen, take, senderOf, log } = deps;
  app.route({
    method: "POST",
    url: HEARTBEAT_PATH,
    schema: {
      tags: ["heartbeats"],
      summary: "A hive tells its complete list of workers",
      body: HeartbeatSchema,
      response: { 200: HeartbeatReplySchema, "4xx": ErrorReplySchema, "5xx": ErrorReplySchema },
    },
    // Before Fastify reads the body. It is not told to go on.
    onRequest: (request, reply) => {
      // Of what asks for an upgrade Node reads no body.
      if (request.headers.upgrade !== undefined) {
        throw new HiveError("INVALID_REQUEST", "A heartbeat that is posted cannot ask for an upgrade");
      }
      reply.hijack();
      take(request.raw, reply.raw);
    },
    handler: () => {},
  });

  const connections = new Map<string, WebSocket>();
  app.route({
    method: "GET",
    url: HEARTBEAT_PATH,
    schema: { hide: true, querystring: AckSchema },
    handler: (_request, reply) => {
      reply.header("allow", "POST");
      throw new HiveError("METHOD_NOT_ALLOWED", "GET is for WebSockets here: POST a heartbeat, or ask for an upgrade");
    },
    wsHandler: (socket, request) => {
      const { ack } = request.query as { readonly ack?: string };
      serveHeartbeats({ queen, connections, log }, socket, { ackEvery: ack === "every", sender: senderOf(request) });
    },
  });
}
