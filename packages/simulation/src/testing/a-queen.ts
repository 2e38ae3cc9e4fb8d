import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocketServer } from "ws";

/** A message of a hive, as it came. */
export interface Told {
  readonly hive_id: string;
  readonly seq: number;
  readonly workers?: readonly { readonly worker_id: string; readonly state: string }[];
  readonly goodbye?: boolean;
}

export interface AQueen {
  readonly url: string;
  readonly told: Told[];
  /** The authorization of each connection. */
  readonly tokens: (string | undefined)[];
  /** Breaks every connection. */
  cut(): void;
}

/** What a queen is to a hive: takes what it tells, and answers each message. Ends with the test. */
export async function aQueen(reply: object = { accepted: true, next_heartbeat_ms: 60_000 }): Promise<AQueen> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: "/api/v1/heartbeat" });
  const told: Told[] = [];
  const tokens: (string | undefined)[] = [];
  sockets.on("connection", (socket, { headers }) => {
    tokens.push(headers.authorization);
    socket.on("message", (data) => {
      told.push(JSON.parse(data.toString()) as Told);
      socket.send(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets.clients) socket.terminate();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, told, tokens, cut };
}
