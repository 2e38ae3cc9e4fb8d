import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** `METHOD /path` of every request, in order. */
  readonly seen: string[];
  readonly requests: { readonly headers: IncomingMessage["headers"]; readonly body: string }[];
  close(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void | Promise<void>;

/** A real server on a free port; closed, with all its connections, when the test ends. */
export async function aServer(answer: Answer, options: { readonly port?: number } = {}): Promise<TestServer> {
  const seen: string[] = [];
  const requests: TestServer["requests"] = [];
  const server: Server = createServer(async (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces).toString();
    requests.push({ headers: request.headers, body });
    await answer(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}`, port, seen, requests, close };
}

export function sendJson(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export function openStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
}

/** A port on which nothing listens: it was free a moment ago. */
export async function aClosedPort(): Promise<number> {
  const server = await aServer(() => undefined);
  await server.close();
  return server.port;
}

/** Resolves when `is` holds; rejects, with what was awaited, after `limitMs`. */
export async function until(what: string, is: () => boolean, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!is()) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
