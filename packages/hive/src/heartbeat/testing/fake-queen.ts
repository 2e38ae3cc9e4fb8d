import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type HiveHeartbeatPayload, type HiveLease, heartbeatValidator, leaseValidator } from "@hive-registry/contract";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { eventually } from "../../testing/eventually.ts";

export type Beat = HiveHeartbeatPayload | HiveLease;
export const isFull = (beat: Beat): beat is HiveHeartbeatPayload => "workers" in beat;

export interface QueenRules {
  /** What it asks of every hive. */
  next_heartbeat_ms?: number;
  /** Demanded of every request. */
  token?: string;
  /** Answers the request for a WebSocket with this instead. */
  refuseUpgrade?: number | "hang up";
  /** Answers a beat; by default it is accepted, and over a WebSocket only the first one is answered. */
  answer?: (beat: Beat, first: boolean) => unknown;
}

export interface Heard {
  readonly beat: Beat;
  readonly by: "websocket" | "post";
  readonly atMs: number;
}

/** A small queen: takes heartbeats both ways, checks each one against the contract, and remembers them. */
export class FakeQueen {
  readonly heard: Heard[] = [];
  readonly faults: unknown[] = [];
  connections = 0;
  rules: QueenRules;
  readonly #server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  #port = 0;

  constructor(rules: QueenRules = {}) {
    this.rules = rules;
    this.#server = createServer((request, response) => {
      if (!this.#admits(request)) return response.writeHead(401).end("{}");
      if (request.method !== "POST" || request.url !== "/api/v1/heartbeat") return response.writeHead(404).end("{}");
      let body = "";
      request.on("data", (piece) => {
        body += piece;
      });
      request.on("end", () => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(this.#take(body, "post", true) ?? this.#accepted()));
      });
    });
    this.#server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => {});
      const { refuseUpgrade } = this.rules;
      if (refuseUpgrade === "hang up") return socket.destroy();
      const status = this.#admits(request) ? refuseUpgrade : 401;
      if (status !== undefined)
        return socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get beats(): Beat[] {
    return this.heard.map(({ beat }) => beat);
  }
  get fulls(): HiveHeartbeatPayload[] {
    return this.beats.filter(isFull);
  }
  /** What it knows now. */
  get latest(): HiveHeartbeatPayload | undefined {
    return this.fulls.at(-1);
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => this.#server.once("error", reject).listen(port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Goes away as a killed process does. */
  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  cutConnections(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  /** Says something unasked to every hive. */
  say(text: string): void {
    for (const socket of this.#sockets.clients) socket.send(text);
  }

  /** Waits for a beat that fits, among all that were heard. */
  hears(what: string, fits: (beat: Beat, heard: Heard) => boolean): Promise<Heard> {
    return eventually(what, () => this.heard.find((one) => fits(one.beat, one)));
  }

  #serve(socket: WebSocket): void {
    this.connections++;
    let first = true;
    socket.on("error", () => {});
    socket.on("message", (data) => {
      const answer = this.#take(data.toString(), "websocket", first);
      if (answer !== undefined) socket.send(typeof answer === "string" ? answer : JSON.stringify(answer));
      first = false;
    });
  }

  #take(text: string, by: Heard["by"], first: boolean): unknown {
    const value: unknown = JSON.parse(text);
    const isLease = typeof value === "object" && value !== null && !("workers" in value);
    const faults = isLease ? leaseValidator.errors(value) : heartbeatValidator.errors(value);
    this.faults.push(...faults);
    const beat = value as Beat;
    this.heard.push({ beat, by, atMs: performance.now() });
    if (this.rules.answer !== undefined) return this.rules.answer(beat, first);
    return first ? this.#accepted() : undefined;
  }

  #accepted(): unknown {
    return { accepted: true, next_heartbeat_ms: this.rules.next_heartbeat_ms ?? 5_000 };
  }

  #admits(request: IncomingMessage): boolean {
    return this.rules.token === undefined || request.headers.authorization === `Bearer ${this.rules.token}`;
  }
}

/** A queen that listens on a free port and is gone after the test. */
export async function aQueen(rules: QueenRules = {}): Promise<FakeQueen> {
  const queen = await new FakeQueen(rules).listen();
  onTestFinished(() => queen.close().catch(() => {}));
  return queen;
}
