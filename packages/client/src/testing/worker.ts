import type { IncomingMessage, ServerResponse } from "node:http";
import type { WorkerInfo } from "hive-registry";
import { aServer, sendJson, type TestServer } from "./server.ts";

export interface TestWorker extends TestServer {
  /** As its hive reports it. */
  info(fields?: Partial<WorkerInfo>): WorkerInfo;
}

type Answer = (response: ServerResponse, body: { readonly model?: string }, request: IncomingMessage) => void;

/** A real server that answers for a model, "here is NAME" unless told otherwise. */
export async function aWorker(name = "worker", answer: Answer = sayWho(name)): Promise<TestWorker> {
  const server = await aServer((request, response, body) =>
    answer(response, body === "" ? {} : JSON.parse(body), request),
  );
  return {
    ...server,
    info: (fields = {}) => ({
      worker_id: name,
      state: "Idle",
      last_heartbeat: new Date().toISOString(),
      health_status: "healthy",
      url: server.url,
      model_id: "m",
      slots_total: 4,
      slots_busy: 0,
      ...fields,
    }),
  };
}

const sayWho =
  (name: string): Answer =>
  (response, { model }) =>
    sendJson(response, { text: `here is ${name}`, model });

/** Sends so many pieces of a stream and then leaves it open. */
export function startStream(response: ServerResponse, pieces: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const piece of pieces) response.write(`data: ${piece}\n\n`);
}
