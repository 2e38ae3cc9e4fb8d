import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** One request as a worker got it. */
export interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly response: ServerResponse;
  /** Resolves when its connection closes before the answer is whole. */
  readonly hungUp: Promise<void>;
}

export interface FakeWorker {
  readonly url: string;
  readonly got: Got[];
  /** The next request that comes. */
  next(): Promise<Got>;
  /** As `kill -9` would: every connection is reset and the port is closed. */
  kill(): Promise<void>;
}

export type Answer = (got: Got) => void;

/** What a worker answers that has nothing to say but its name. */
export const saying =
  (text: string): Answer =>
  ({ response }) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content: text } }] }));
  };

export const refusing =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  ({ response }) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };

/** A server on a real socket that answers as it is told. Ends with the test. */
export async function aFakeWorker(answer: Answer = saying("hello")): Promise<FakeWorker> {
  const got: Got[] = [];
  const waiting: ((one: Got) => void)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const hungUp = new Promise<void>((resolve) => {
      response.on("close", () => {
        if (!response.writableFinished) resolve();
      });
    });
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const one = {
      ...{ path: request.url ?? "", headers: request.headers, response, hungUp },
      body: Buffer.concat(chunks).toString(),
    };
    got.push(one);
    waiting.shift()?.(one);
    answer(one);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const kill = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  onTestFinished(async () => {
    if (server.listening) await kill();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    kill,
  };
}

/**
 * A worker that can be connected to for ever: it accepts, and then never says the word that a client of HTTPS waits for. Ends
 * with the test.
 */
export async function aSilentWorker(): Promise<{
  readonly url: string;
  readonly connected: () => number;
  readonly open: () => number;
}> {
  const sockets = new Set<Socket>();
  let connected = 0;
  const server = createSocketServer((socket) => {
    connected++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, connected: () => connected, open: () => sockets.size };
}
