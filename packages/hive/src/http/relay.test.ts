/** A server that demands a key, named in hive.toml, and a whole hive beside it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { compile, ManagedWorkerListSchema } from "@hive-registry/contract";
import { expect, onTestFinished, test } from "vitest";
import { aQueen } from "../heartbeat/testing/fake-queen.ts";
import { aHive } from "../testing/a-hive.ts";
import { eventually } from "../testing/eventually.ts";
import { RELAYED_BYTES_MAX } from "./relay.ts";

const KEY = "key-of-the-server";

/** Answers as any OpenAI-compatible server does, to who has the key. */
async function aLockedServer(answer: (request: IncomingMessage, response: ServerResponse) => void = echo) {
  const asked: { readonly method: string; readonly path: string; readonly headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    const { method = "", url: path = "", headers } = request;
    if (headers.authorization !== `Bearer ${KEY}`) {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "no", type: "authentication_error" } }));
    } else if (method === "GET" && path === "/v1/models") {
      response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model", owned_by: "me" }] }));
    } else if (method === "POST") {
      asked.push({ method, path, headers });
      answer(request, response);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(201, { "content-type": "text/plain", "x-theirs": "yes", "set-cookie": "a=b" });
  request.pipe(response);
}

async function aHiveBeside({ url }: { readonly url: string }) {
  const queen = await aQueen({ next_heartbeat_ms: 200 });
  const story = await aHive({ queens: [queen.url], servers: [{ url, key: KEY, name: "vault" }] });
  await eventually("the queen knows it", () => queen.latest?.workers[0]?.url !== undefined);
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${story.hive.url}/v1/servers/vault/v1/${path}`, { method: "POST", body: "hello", ...init });
  return { ...story, queen, askIt: ask };
}

test("requests pass through the hive, which adds the key and shows it to nobody", async () => {
  const server = await aLockedServer();
  const { hive, queen, ask, askIt, messages } = await aHiveBeside(server);
  const worker = queen.latest?.workers[0];
  expect(worker).toMatchObject({ worker_id: "vault", model_id: "m", url: `${hive.url}/v1/servers/vault` });

  const headers = {
    authorization: "Bearer of-the-client",
    "x-api-key": "too",
    "x-hive-reservation": "r",
    accept: "a/b",
  };
  const answer = await fetch(`${worker?.url}/v1/chat/completions`, { method: "POST", body: "hello", headers });
  expect([answer.status, await answer.text()]).toEqual([201, "hello"]);
  expect(answer.headers.get("x-theirs")).toBe("yes");
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(server.asked).toHaveLength(1);
  expect(server.asked[0]).toMatchObject({ path: "/v1/chat/completions", headers: { accept: "a/b" } });
  expect(Object.keys(server.asked[0]?.headers ?? {})).not.toContain("x-api-key");

  await (await askIt("embeddings")).text();
  expect(server.asked[1]?.path).toBe("/v1/embeddings");
  const { json } = await ask("GET", "/v1/workers");
  expect(compile(ManagedWorkerListSchema).errors(json)).toEqual([]);
  expect(json.workers[0]).toMatchObject({ managed: false, phase: "ready", library: [{ id: "m", loaded: true }] });
  const shown = JSON.stringify([queen.beats, json, messages()]);
  expect(shown).toContain("vault");
  expect(shown).not.toContain(KEY);
});

test("nothing passes but inference: not what loads, ends or configures, and not to others", async () => {
  const server = await aLockedServer();
  const { ask, askIt } = await aHiveBeside(server);
  for (const path of ["models/unload", "../shutdown", "chat/completions/../../admin", "chat%2Fcompletions%2F..", ""]) {
    expect([path, (await askIt(path)).status]).toEqual([path, 404]);
  }
  expect((await ask("POST", "/v1/servers/other/v1/chat/completions", {})).status).toBe(404);
  expect((await ask("GET", "/v1/servers/vault/v1/chat/completions")).status).toBe(405);
  const page = await askIt("chat/completions", { headers: { origin: "https://evil.example" } });
  expect(page.status).toBe(403);
  expect(server.asked).toEqual([]);
});

test("a stream comes as it is spoken, and who hangs up ends it at the server", async () => {
  let ended = false;
  const server = await aLockedServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: one\n\n");
    response.on("close", () => {
      ended = true;
    });
  });
  const { askIt } = await aHiveBeside(server);
  const hangUp = new AbortController();
  const answer = await askIt("chat/completions", { signal: hangUp.signal });
  const { value } = (await answer.body?.getReader().read()) ?? {};
  expect(Buffer.from(value ?? []).toString()).toBe("data: one\n\n");
  hangUp.abort();
  await eventually("the server's request is closed", () => ended);
});

test("a server that ends in the middle is seen to; one that is gone is not reached", async () => {
  const server = await aLockedServer((request, response) => {
    request.resume();
    response.write("some");
    setImmediate(() => response.socket?.destroy());
  });
  const { askIt } = await aHiveBeside(server);
  const cut = await askIt("chat/completions");
  await expect(cut.text()).rejects.toThrow();

  server.server.closeAllConnections();
  server.server.close();
  const answer = await askIt("chat/completions");
  expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: "WORKER_UNREACHABLE" } }]);
});

test("more than there may be is refused before it is sent on", async () => {
  const server = await aLockedServer();
  const { askIt } = await aHiveBeside(server);
  const answer = await askIt("completions", { body: Buffer.alloc(RELAYED_BYTES_MAX + 1) }).catch(() => undefined);
  // Who still sends may see the connection close before the answer.
  expect([413, undefined]).toContain(answer?.status);
  expect(server.asked).toEqual([]);
});
