import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { HttpHiveCalls, noHiveCalls } from "./hive-calls.ts";

interface Asked {
  readonly line: string;
  readonly key: string | undefined;
  readonly body: string;
}

/** A server that answers as it is told to, and calls that lead there. */
async function aServer(answer: (response: ServerResponse, request: IncomingMessage) => void, token?: string) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    asked.push({ line: `${request.method} ${request.url}`, key: request.headers.authorization, body });
    answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const calls = new HttpHiveCalls(token);
  onTestFinished(async () => {
    await calls.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { calls, asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const json =
  (value: unknown, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

const WORKER = {
  worker: {
    ...{ worker_id: "w 1", state: "Loading", health_status: "healthy" },
    last_heartbeat: "2026-01-01T00:00:00Z",
  },
  ...{ managed: true, phase: "starting", restarts: 0 },
};

describe("a call to a hive", () => {
  test("goes to its API, with the fleet's token, and gives what it answers", async () => {
    const { calls, url, asked } = await aServer(json(WORKER), "secret");
    expect(await calls.start(`${url}/behind/`, { model: "m.gguf" })).toEqual(WORKER);
    expect(await calls.worker(url, "w 1")).toEqual(WORKER);
    await calls.stop(url, "w 1", 500);
    const key = "Bearer secret";
    expect(asked).toEqual([
      { line: "POST /behind/v1/workers", key, body: '{"model":"m.gguf"}' },
      { line: "GET /v1/workers/w%201", key, body: "" },
      { line: "DELETE /v1/workers/w%201?drain_ms=500", key, body: "" },
    ]);
  });

  test("that is refused gives the hive's own code and words", async () => {
    const error = { code: "MODEL_INVALID", message: "no model", details: { output_tail: "x" } };
    const { calls, url } = await aServer(json({ error }, 422));
    await expect(calls.start(url, { model: "m" })).rejects.toMatchObject(error);
  });

  test("with a key that the hive does not take is no mistake of who asked the queen", async () => {
    const { calls, url } = await aServer(json({ error: { code: "UNAUTHENTICATED", message: "no" } }, 401));
    await expect(calls.library(url)).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["is no JSON", (response) => void response.end("<html>")],
    ["is another JSON", json({ hive_id: 5 })],
    ["has an unknown code", json({ error: { code: "NO_SUCH_CODE", message: "?" } }, 500)],
    ["leads elsewhere", (response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
    ["is empty", (response) => void response.end()],
  ])("whose answer %s gives BAD_REPLY", async (_what, answer) => {
    const { calls, url } = await aServer(answer);
    await expect(calls.library(url)).rejects.toMatchObject({ code: "BAD_REPLY" });
  });

  test("to nobody, or that breaks off, or whose answer does not end, gives HIVE_UNREACHABLE", async () => {
    const { calls, url } = await aServer((response, { url: path = "" }) => {
      if (path.includes("models")) response.destroy();
      else while (response.write("x".repeat(1_000_000)) || response.writableLength < 12_000_000);
    });
    await expect(calls.library("http://127.0.0.1:1")).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
    await expect(calls.library(url)).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
    await expect(calls.workers(url)).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  });
});

test("without calls every hive is out of reach", async () => {
  await expect(noHiveCalls.start("http://h", { model: "m" })).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  await expect(noHiveCalls.close()).resolves.toBeUndefined();
});
