import { once } from "node:events";
import type { HeartbeatReply } from "@hive-registry/client";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { within } from "./eventually.ts";

export interface Beating {
  /** Sends one message and gives the answer; undefined when the queen closes the connection instead. */
  send(message: string | Uint8Array): Promise<HeartbeatReply | undefined>;
  /** How it was closed, once it is. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  close(): void;
}

/** A hive's connection to the queen, on which every message is answered. Closed with the test. */
export async function beating(queenUrl: string): Promise<Beating> {
  const socket = new WebSocket(`${queenUrl.replace(/^http/, "ws")}/api/v1/heartbeat?ack=every`);
  onTestFinished(() => socket.terminate());
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  socket.on("error", () => undefined);
  await within("an open WebSocket", once(socket, "open"));
  return {
    closed,
    close: () => socket.close(),
    send(message) {
      const answer = new Promise<HeartbeatReply>((resolve) =>
        socket.once("message", (data) => resolve(JSON.parse(data.toString()) as HeartbeatReply)),
      );
      socket.send(message);
      return within("an answer to a heartbeat", Promise.race([answer, closed.then(() => undefined)]));
    },
  };
}
