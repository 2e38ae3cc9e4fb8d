import http from "node:http";
import https from "node:https";
import { HiveError } from "@hive-registry/contract";
import type { Answer, Server } from "./server-engine.ts";

export const ANSWER_LIMIT_MS = 1_000;
export const BODY_BYTES_MAX: number = 4 * 1024 * 1024;
/** Questions to one server at once; further ones wait. */
const CONNECTIONS_MAX = 3;
/** An idle connection is given up before common servers (5 s) give it up themselves. */
const IDLE_LIMIT_MS = 4_000;

/** A server that is asked over HTTP. */
export interface HttpServer extends Server {
  /**
   * Why the latest question had no answer: a code such as `ECONNREFUSED`, `TIMEOUT`, `CERT_HAS_EXPIRED`; `undefined` when
   * it had one.
   */
  readonly failure: string | undefined;
  /** Ends its connections. */
  close(): void;
}

/**
 * Asks with GET alone, over few connections that stay open between questions. Redirects are answers like others: the key
 * goes nowhere but to this server.
 *
 * @throws {HiveError} `INVALID_REQUEST` when the URL is not one of HTTP or has credentials in it, or the key cannot be sent.
 */
export function httpServer(url: string, options: { readonly key?: string | undefined } = {}): HttpServer {
  const { key } = options;
  const base = baseOf(url);
  const { Agent } = base.protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_LIMIT_MS });
  const headers = { accept: "*/*", "accept-encoding": "identity", ...(key !== undefined && bearer(key)) };
  const root = base.href.replace(/\/+$/, "");
  let failure: string | undefined;
  return {
    url: root,
    get failure() {
      return failure;
    },
    async get(path, { timeoutMs = ANSWER_LIMIT_MS } = {}) {
      const result = await ask(new URL(root + path), { agent, headers }, timeoutMs);
      failure = typeof result === "string" ? result : undefined;
      return typeof result === "string" ? undefined : result;
    },
    close: () => agent.destroy(),
  };
}

function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new HiveError("INVALID_REQUEST", "A server's URL starts with http:// or https://");
  }
  if (url.username !== "" || url.password !== "") {
    throw new HiveError(
      "INVALID_REQUEST",
      "A server's URL has no name and no password in it: its key is set beside it",
    );
  }
  url.search = "";
  url.hash = "";
  return url;
}

function bearer(key: string): http.OutgoingHttpHeaders {
  // Node's own words for a bad header could carry its value one day.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new HiveError("INVALID_REQUEST", "A server's key is of printable ASCII characters, without spaces");
  }
  return { authorization: `Bearer ${key}` };
}

type Request = Pick<http.RequestOptions, "agent" | "headers">;

/** The answer; or why there is none, in the second case on a connection that had served before. */
type Outcome = Answer | string | { readonly onOldConnection: string };

/** The answer, or why there is none. */
async function ask(url: URL, request: Request, timeoutMs: number): Promise<Answer | string> {
  const endMs = performance.now() + timeoutMs;
  const first = await askOnce(url, request, timeoutMs);
  // A server may close an idle connection in the very moment of the question: that says nothing about the server.
  if (typeof first === "string" || !("onOldConnection" in first)) return first;
  const second = await askOnce(url, request, Math.max(1, endMs - performance.now()));
  return typeof second !== "string" && "onOldConnection" in second ? second.onOldConnection : second;
}

function askOnce(url: URL, { agent, headers }: Request, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const client = url.protocol === "https:" ? https : http;
    const request = client.get(url, { agent, headers } as http.RequestOptions);
    const end = (result: Outcome): void => {
      clearTimeout(limit);
      resolve(result);
    };
    const limit = setTimeout(() => {
      end("TIMEOUT");
      request.destroy();
    }, timeoutMs);
    request.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code ?? "NO_ANSWER";
      const lost = code === "ECONNRESET" || code === "EPIPE";
      end(request.reusedSocket && lost ? { onOldConnection: code } : code);
    });
    // Where nothing else tells, as after an answer of another protocol. A response ends in its own time: the connection may
    // be closed before the last of it is read.
    const closed = (): void => end("NO_ANSWER");
    request.on("close", closed);
    request.on("response", (response) => {
      request.off("close", closed);
      response.on("close", closed);
      const parts: Buffer[] = [];
      let bytes = 0;
      const whole = (): void => end(answerOf(response, Buffer.concat(parts, bytes).subarray(0, BODY_BYTES_MAX)));
      response.on("data", (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes <= BODY_BYTES_MAX) return;
        whole();
        request.destroy();
      });
      response.on("end", whole);
      response.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? "NO_ANSWER"));
    });
  });
}

function answerOf(response: http.IncomingMessage, body: Buffer): Answer {
  const text = body.toString("utf8");
  let parsed: { readonly value: unknown } | undefined;
  return {
    status: response.statusCode ?? 0,
    header(name) {
      const value = response.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    text,
    json() {
      parsed ??= { value: valueIn(text) };
      return parsed.value;
    },
  };
}

function valueIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
