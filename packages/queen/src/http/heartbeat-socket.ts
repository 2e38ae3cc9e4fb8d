import type { WebSocket } from "@fastify/websocket";
import {
  HEARTBEAT_BYTES_MAX,
  type HeartbeatReply,
  HiveError,
  heartbeatValidator,
  leaseValidator,
} from "@hive-registry/contract";
import type { Queen } from "../core/queen.ts";
import { assertSpeaksFor } from "./auth.ts";

/** Unanswerable messages in a row after which the other side is not a hive. */
const FAULTS_MAX = 16;
const POLICY_VIOLATION = 1008;

/**
 * Takes the heartbeats of one hive on one connection. Answers the first one, every refusal, and whenever the next interval
 * changed; all of them when asked to. It is closed when the join token ends that it was opened with. Closing makes the hive
 * suspect at once, unless a newer connection speaks for it.
 */
export function serveHeartbeats(
  deps: {
    readonly queen: Queen;
    readonly connections: Map<string, WebSocket>;
    readonly log: { warn(fields: object, message: string): void };
  },
  socket: WebSocket,
  options: {
    readonly ackEvery: boolean;
    /** The hive whose join token opened the connection; undefined: it may speak for any. */
    readonly sender?: string | undefined;
  },
): void {
  const { queen, connections, log } = deps;
  let hiveId: string | undefined;
  /** The interval that the last accepting answer told; 0 until there was one. */
  let toldMs = 0;
  let faults = 0;
  const { sender } = options;
  const stopWatching =
    sender === undefined
      ? () => {}
      : queen.joinTokens.onEnd(sender, () => socket.close(POLICY_VIOLATION, "the join token was revoked"));

  const answer = (reply: HeartbeatReply) => {
    if (reply.accepted && !options.ackEvery && reply.next_heartbeat_ms === toldMs) return;
    if (reply.accepted) toldMs = reply.next_heartbeat_ms;
    socket.send(JSON.stringify(reply));
  };
  const refuse = (error: HiveError) => {
    faults++;
    answer({ accepted: false, next_heartbeat_ms: queen.nextHeartbeatMs(), reason: "invalid", ...error.toBody() });
    if (faults < FAULTS_MAX) return;
    log.warn({ hive_id: hiveId, err: error }, "a connection sends nothing but faults: closed");
    socket.close(POLICY_VIOLATION, "too many faults");
  };

  socket.on("message", (data, isBinary) => {
    // Who was told to go and does not is not listened to.
    if (socket.readyState !== socket.OPEN) return;
    try {
      const message = parse(data.toString(), isBinary);
      const id = message.hive_id;
      assertSpeaksFor(sender, id);
      if (hiveId !== undefined && id !== hiveId) {
        throw new HiveError("HIVE_ID_MISMATCH", "One connection carries the heartbeats of one hive");
      }
      const reply =
        "workers" in message
          ? queen.receiveHeartbeat(heartbeatValidator.parse(message))
          : queen.receiveLease(leaseValidator.parse(message));
      if (hiveId === undefined) {
        hiveId = id as string;
        connections.set(hiveId, socket);
      }
      faults = 0;
      answer(reply);
    } catch (error) {
      if (error instanceof HiveError) refuse(error);
      else throw error;
    }
  });
  // A frame that is too large or is no WebSocket closes the connection by itself; `close` follows.
  socket.on("error", (error) => log.warn({ hive_id: hiveId, err: error }, "a heartbeat connection failed"));
  socket.on("close", () => {
    stopWatching();
    if (hiveId === undefined || connections.get(hiveId) !== socket) return;
    connections.delete(hiveId);
    queen.hiveDisconnected(hiveId);
  });
}

function parse(text: string, isBinary: boolean): { readonly hive_id?: unknown } {
  if (isBinary || text.length > HEARTBEAT_BYTES_MAX)
    throw new HiveError("INVALID_JSON", "A heartbeat is one JSON text message");
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message === "object" && message !== null) return message;
  } catch {
    throw new HiveError("INVALID_JSON", "The message is not JSON");
  }
  throw new HiveError("INVALID_REQUEST", "A heartbeat is an object");
}
