import type { IncomingMessage, ServerResponse } from "node:http";
import { HEARTBEAT_BYTES_MAX, type HeartbeatReply, heartbeatValidator } from "@hive-registry/contract";
import type { FastifyBaseLogger } from "fastify";
import type { Queen } from "../core/queen.ts";
import { assertSpeaksFor, HEARTBEAT_PATH, type SenderOf } from "./auth.ts";
import type { Door } from "./door.ts";
import { failureOf, writeFailure } from "./failures.ts";
import { readJson } from "./json-body.ts";

/** Takes one posted heartbeat, from its head to the end of its answer. */
export type TakeHeartbeat = (request: IncomingMessage, response: ServerResponse) => void;

/** The same for every heartbeat that comes to one queen; nothing of Fastify is in it, so that each costs as little as it can. */
export function heartbeatTaker(deps: {
  readonly queen: Queen;
  readonly senderOf: SenderOf;
  readonly log: Pick<FastifyBaseLogger, "error">;
  readonly nextRequestId: () => string;
}): TakeHeartbeat {
  const { queen, senderOf, log, nextRequestId } = deps;
  const accepted = acceptedReplies();

  const answerTo = (value: unknown, sender: string | undefined): Written => {
    const heartbeat = heartbeatValidator.parse(value);
    assertSpeaksFor(sender, heartbeat.hive_id);
    const reply = queen.receiveHeartbeat(heartbeat);
    return reply.accepted ? accepted(reply) : written(reply);
  };

  return (request, response) => {
    const refuse = (error: unknown): void => {
      const id = nextRequestId();
      const failure = failureOf(error, { id, log });
      // Of a body that is too large the rest may have no end.
      writeFailure(response, failure, id, { close: failure.code === "BODY_TOO_LARGE" });
    };
    let sender: string | undefined;
    const take = (value: unknown): void => {
      let answer: Written;
      try {
        // A body may take its time, and the hive's token may have ended meanwhile.
        if (sender !== undefined) sender = senderOf(request);
        answer = answerTo(value, sender);
      } catch (error) {
        refuse(error);
        return;
      }
      response.writeHead(200, answer.head);
      response.end(answer.body);
    };
    try {
      sender = senderOf(request);
    } catch (error) {
      refuse(error);
      return;
    }
    readJson(request, { bytesMax: HEARTBEAT_BYTES_MAX }, take, refuse);
  };
}

/** Heartbeats are most of what comes: they do not go through the routes. */
export function heartbeatDoor(take: TakeHeartbeat): Door {
  return (request, response) => {
    if (request.method !== "POST" || request.url !== HEARTBEAT_PATH) return false;
    take(request, response);
    return true;
  };
}

interface Written {
  /** Names and values in turn: Node takes them as they are. */
  readonly head: string[];
  readonly body: string;
}

/** Nearly every heartbeat gets the same answer as the one before. */
function acceptedReplies(): (reply: HeartbeatReply) => Written {
  let last: (Written & { readonly next_heartbeat_ms: number }) | undefined;
  return (reply) => {
    const { next_heartbeat_ms } = reply;
    if (last?.next_heartbeat_ms !== next_heartbeat_ms) last = { next_heartbeat_ms, ...written(reply) };
    return last;
  };
}

function written(reply: HeartbeatReply): Written {
  const body = JSON.stringify(reply);
  return {
    head: ["content-type", "application/json; charset=utf-8", "content-length", String(Buffer.byteLength(body))],
    body,
  };
}
