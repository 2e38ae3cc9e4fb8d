import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WorkerHeartbeat, workerHeartbeatValidator } from "@hive-registry/contract";
import { afterEach, expect, test } from "vitest";
import { type AWorker, aFolder, aWorker } from "../testing/a-worker.ts";
import { aQuestion, chat, post, until } from "../testing/ask.ts";
import { endlessModel } from "../testing/endless-model.ts";

interface AHive {
  readonly url: string;
  readonly beats: (WorkerHeartbeat & { readonly authorization?: string | undefined })[];
  close(): Promise<void>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A hive that writes down what it is told. */
async function aHive(status = 200): Promise<AHive> {
  const beats: AHive["beats"] = [];
  const server: Server = createServer(async (request: IncomingMessage, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    expect(`${request.method} ${request.url}`).toBe("POST /v1/heartbeat");
    beats.push({ ...workerHeartbeatValidator.parse(JSON.parse(body)), authorization: request.headers.authorization });
    response.writeHead(status).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, beats, close };
}

async function aTellingWorker(hive: AHive, more: Parameters<typeof aWorker>[1] = {}): Promise<AWorker> {
  const folder = await aFolder();
  cleanups.push(folder.remove, hive.close);
  const worker = await aWorker(await endlessModel(folder.path), {
    slots: 1,
    contextTokens: 4096,
    alias: "endless",
    hiveUrl: hive.url,
    workerId: "w-1",
    ...more,
  });
  cleanups.push(worker.stop);
  return worker;
}

test("the hive hears of loading, idle, busy with its queue, idle again, and the end, each at once", async () => {
  const hive = await aHive();
  const worker = await aTellingWorker(hive, { token: "s3cret" });
  await until("idle", () => hive.beats.at(-1)?.state === "Idle");
  expect(hive.beats[0]).toMatchObject({
    state: "Loading",
    worker_id: "w-1",
    model_id: "endless",
    slots_total: 1,
    slots_busy: 0,
  });
  expect(hive.beats.at(-1)).toMatchObject({
    health_status: "healthy",
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    backend: "cpu",
    engine: "llama-cpp",
    authorization: "Bearer s3cret",
  });

  const hangUp = new AbortController();
  const headers = { authorization: "Bearer s3cret", "x-hive-reservation": "r-42" };
  const ask = (): Promise<unknown> =>
    post(`${worker.url}/v1/chat/completions`, aQuestion(), { signal: hangUp.signal, headers }).catch(() => "hung up");
  const asked = [ask(), ask()];
  await until("busy, one waits", () => hive.beats.at(-1)?.queue_depth === 1);
  expect(hive.beats.at(-1)).toMatchObject({ state: "Busy", slots_busy: 1, last_reservation: "r-42" });
  hangUp.abort();
  await Promise.all(asked);
  await until("idle again", () => hive.beats.at(-1)?.state === "Idle");
  expect(hive.beats.at(-1)).toMatchObject({ slots_busy: 0, queue_depth: 0, last_reservation: "r-42" });
  expect(hive.beats.at(-1)).not.toHaveProperty("last_handover");

  const sent = new URL("/v1/chat/completions?hive_handover=r-43", worker.url);
  await post(sent.href, aQuestion("Hi", { max_tokens: 1 }), { headers: { authorization: "Bearer s3cret" } });
  await until("who was sent here is told of", () => hive.beats.at(-1)?.last_handover === "r-43");

  await worker.stop();
  expect(hive.beats.some(({ draining }) => draining === true)).toBe(true);
});

test("a hive that refuses, hangs up or is not there harms no request", async () => {
  const refusing = await aHive(500);
  const worker = await aTellingWorker(refusing);
  await until("it was told", () => refusing.beats.length > 0);
  expect((await chat(worker.url, aQuestion("Hi", { max_tokens: 2 }))).usage.completion_tokens).toBe(2);
  await refusing.close();
  expect((await chat(worker.url, aQuestion("Hi", { max_tokens: 2 }))).usage.completion_tokens).toBe(2);
});
