import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import { type HttpServer, httpServer } from "../http-server.ts";
import type { Answer, Server } from "../server-engine.ts";
import type { Page, Pages } from "./sample.ts";

export interface AServer {
  readonly server: HttpServer;
  readonly url: string;
  /** Each question: method and path. */
  readonly asked: string[];
  /** The `authorization` of each question. */
  readonly keys: (string | undefined)[];
  readonly connections: () => number;
  /** From now on it answers these. */
  answer(pages: Pages): void;
  stop(): Promise<void>;
}

/** Hives of other tests look at every port of the machine: only what is asked below this path is for this server. */
const OWN = "/for-this-test";

/** A real server on a free port that answers from pages; ended with the test. */
export async function aServer(pages: Pages, options: { readonly key?: string } = {}): Promise<AServer> {
  const asked: string[] = [];
  const keys: (string | undefined)[] = [];
  let now = pages;
  const sockets = new Set<Socket>();
  const http = createServer((request, response) => {
    if (request.url?.startsWith(`${OWN}/`) !== true) return void response.writeHead(404).end();
    const path = request.url.slice(OWN.length);
    sockets.add(request.socket);
    asked.push(`${request.method} ${path}`);
    keys.push(request.headers.authorization);
    const { status = 200, headers = {}, body = "" } = pageAt(now, path);
    response.writeHead(status, headers).end(textOf(body));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}${OWN}`;
  const server = httpServer(url, options);
  const stop = async (): Promise<void> => {
    server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  };
  onTestFinished(stop);
  return {
    ...{ server, url, asked, keys, stop, connections: () => sockets.size },
    answer(others) {
      now = others;
    },
  };
}

/** The same without a socket, for laws that are tried a thousand times. */
export function aServerInMind(pages: Pages): Server {
  return {
    url: "http://server.example",
    async get(path): Promise<Answer> {
      const { status = 200, headers = {}, body = "" } = pageAt(pages, path);
      const text = textOf(body);
      return {
        ...{ status, text },
        header: (name) => headers[name.toLowerCase()],
        json() {
          try {
            return JSON.parse(text);
          } catch {
            return undefined;
          }
        },
      };
    },
  };
}

function pageAt(pages: Pages, path: string): Page {
  const bare = path.split("?")[0] ?? path;
  const found = [path, bare].find((one) => one !== "otherwise" && Object.hasOwn(pages, one));
  return (found === undefined ? undefined : pages[found]) ?? pages.otherwise;
}

function textOf(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}
