import type { IncomingMessage, ServerResponse } from "node:http";
import { HiveRegistry, type Reservation, type WorkerInfo } from "hive-registry";
import { onTestFinished } from "vitest";
import { aServer, openStream, sendJson, type TestServer } from "./server.ts";

/** As much of a queen as a client meets: heartbeats go in by hand, the watch stream and reservations are real. */
export interface TestQueen {
  readonly url: string;
  /** Of her present life. */
  readonly registry: HiveRegistry;
  /** `METHOD /path` of each request, in order, over all her lives. */
  readonly seen: string[];
  /** What the last release of each reservation said. */
  readonly outcomes: string[];
  /** A hive tells its complete list of workers. */
  beat(hiveId: string, workers: readonly WorkerInfo[]): void;
  /** She stops and closes all connections. */
  leave(): Promise<void>;
  /** She is there again at the same address; unless told otherwise with an empty memory. */
  comeBack(options?: { readonly remembers?: boolean }): Promise<void>;
}

export async function aQueen(options: { readonly clockOffMs?: number } = {}): Promise<TestQueen> {
  const now = () => Date.now() + (options.clockOffMs ?? 0);
  const seen: string[] = [];
  const outcomes: string[] = [];
  let registry = new HiveRegistry({ now });
  let epoch = 0;
  let server: TestServer | undefined;
  let beats = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse, body: string): Promise<void> => {
    seen.push(`${request.method} ${request.url}`);
    const path = request.url ?? "";
    if (path === "/api/v1/watch") watch(response, request.headers["last-event-id"]);
    else if (path === "/api/v1/reservations") reserve(response, JSON.parse(body));
    else if (path.startsWith("/api/v1/reservations/")) {
      const [id = "", outcome = "ok"] = path.slice("/api/v1/reservations/".length).split("?outcome=");
      outcomes.push(outcome);
      registry.release(decodeURIComponent(id), outcome as "ok");
      response.writeHead(204).end();
    } else sendJson(response, { error: { code: "ROUTE_NOT_FOUND", message: "no" } }, 404);
  };
  const watch = (response: ServerResponse, lastEventId: unknown) => {
    openStream(response);
    const send = (event: string, change: { readonly revision: number }) =>
      response.write(`event: ${event}\nid: e${epoch}-${change.revision}\ndata: ${JSON.stringify(change)}\n\n`);
    if (lastEventId !== `e${epoch}-${registry.revision}`) send("snapshot", registry.snapshot());
    else response.write(": resumed\n\n");
    response.on(
      "close",
      registry.subscribe((change) => send("change", change)),
    );
  };
  const reserve = (response: ServerResponse, asked: { readonly model: string; readonly wait_ms?: number }) => {
    const { wait_ms: _waitMs, ...request } = asked;
    const held: Reservation | undefined = registry.reserve(request);
    if (held === undefined) return sendJson(response, { error: { code: "NO_WORKER", message: "none" } }, 503);
    const { release: _release, created_at_ms: _createdAtMs, ...reply } = held;
    return sendJson(response, reply, 201);
  };
  const open = async (port: number) => {
    server = await aServer(answer, { port });
  };
  await open(0);
  const { url, port } = server as unknown as TestServer;
  const ticking = setInterval(() => registry.tick(), 50);
  onTestFinished(() => clearInterval(ticking));
  return {
    url,
    get registry() {
      return registry;
    },
    seen,
    outcomes,
    beat(hive_id, workers) {
      const timestamp = new Date(now()).toISOString();
      const order = { boot_id: "boot", seq: ++beats };
      registry.updateHiveState(hive_id, { hive_id, timestamp, workers, ...order }, { receivedAtMs: now() });
    },
    async leave() {
      await server?.close();
    },
    async comeBack({ remembers = false } = {}) {
      if (!remembers) {
        registry = new HiveRegistry({ now });
        epoch++;
      }
      await open(port);
    },
  };
}
