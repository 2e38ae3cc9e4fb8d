/**
 * Carries requests to servers whose key only this hive has, so that the key stays here. Only what asks for inference goes
 * through: not what loads, unloads or ends something there.
 */
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import { HiveError } from "@hive-registry/contract";
import type { FastifyInstance } from "fastify";

/** Below it each server has its paths, by its worker's id. */
export const RELAY_PATH = "/v1/servers";
/** What may be asked of a server; below `/v1/`. */
const ASKED: ReadonlySet<string> = new Set([
  ...["chat/completions", "completions", "embeddings", "responses", "rerank", "messages"],
]);
/** As large as a conversation with many pictures. */
export const RELAYED_BYTES_MAX: number = 64 * 1_048_576;
const CONNECT_LIMIT_MS = 10_000;
/** Between this and the client alone (RFC 9110, 7.6.1), or not for the server: it gets its own key. */
const NOT_PASSED = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "expect", "host", "authorization", "x-api-key", "cookie", "origin", "set-cookie"],
]);

export interface RelayTarget {
  readonly url: string;
  readonly key: string;
}

/** @param target where a worker's requests go; `undefined`: it is none that is relayed. */
export function addRelay(app: FastifyInstance, target: (workerId: string) => RelayTarget | undefined): void {
  const agents = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: true }) };
  app.addHook("onClose", async () => {
    for (const agent of Object.values(agents)) agent.destroy();
  });
  app.post(`${RELAY_PATH}/:worker_id/v1/*`, {
    // Before the body is read: it goes on as it comes.
    onRequest: async (request, reply) => {
      const { worker_id, "*": asked } = request.params as { readonly worker_id: string; readonly "*": string };
      const there = target(worker_id);
      if (there === undefined)
        throw new HiveError("WORKER_NOT_FOUND", "No worker of that id is reached through this hive");
      if (!ASKED.has(asked)) throw new HiveError("ROUTE_NOT_FOUND", "This path is not passed on");
      if (Number(request.headers["content-length"] ?? 0) > RELAYED_BYTES_MAX) throw tooLarge();
      reply.hijack();
      const url = new URL(`${there.url}/v1/${asked}`);
      carry({ url, key: there.key, agent: agents[url.protocol as keyof typeof agents] }, request.raw, reply.raw);
    },
    handler: async () => {},
  });
}

function carry(
  { url, key, agent }: { readonly url: URL; readonly key: string; readonly agent: http.Agent },
  request: IncomingMessage,
  reply: ServerResponse,
): void {
  const client = url.protocol === "https:" ? https : http;
  const headers = { ...passed(request.headers), authorization: `Bearer ${key}` };
  const onward = client.request(url, { method: "POST", headers, agent });
  const late = setTimeout(() => onward.destroy(), CONNECT_LIMIT_MS);
  onward.on("socket", (socket) => {
    if (!socket.connecting) clearTimeout(late);
    else socket.once("connect", () => clearTimeout(late));
  });
  // Who hangs up stops his request, wherever it is.
  reply.on("close", () => onward.destroy());
  reply.on("error", () => onward.destroy());
  request.on("error", () => onward.destroy());
  onward.on("error", () => {
    clearTimeout(late);
    // What has begun cannot be taken back: it breaks off, and that is seen.
    if (reply.headersSent) reply.destroy();
    else fail(reply, new HiveError("WORKER_UNREACHABLE", "The server did not answer"));
  });
  onward.on("response", (response) => {
    reply.writeHead(response.statusCode ?? 502, passed(response.headers));
    reply.flushHeaders();
    response.on("error", () => reply.destroy());
    response.pipe(reply);
  });
  let bytes = 0;
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes <= RELAYED_BYTES_MAX) return;
    fail(reply, tooLarge());
    onward.destroy();
  });
  request.pipe(onward);
}

const tooLarge = (): HiveError =>
  new HiveError("BODY_TOO_LARGE", `A body of at most ${RELAYED_BYTES_MAX} bytes is passed on`);

function fail(reply: ServerResponse, error: HiveError): void {
  if (reply.headersSent || reply.destroyed) return;
  reply.writeHead(error.status, { "content-type": "application/json", connection: "close" });
  reply.end(JSON.stringify(error.toBody()));
}

function passed(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !NOT_PASSED.has(name) && !named.includes(name) && !name.startsWith("x-hive-"),
    ),
  );
}
