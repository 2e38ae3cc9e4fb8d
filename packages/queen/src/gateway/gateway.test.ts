import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { aFakeWorker, type Got, saying } from "./testing/fake-worker.ts";

/** A gateway before one worker of model `m`. */
async function aPair(worker: Awaited<ReturnType<typeof aFakeWorker>>, ...args: Parameters<typeof aGateway>) {
  const gateway = await aGateway(...args);
  gateway.report([{ url: worker.url }]);
  return gateway;
}

describe("a request", () => {
  test("goes to a worker of the model, and its bytes and those of the answer pass unchanged", async () => {
    const worker = await aFakeWorker(saying("hello"));
    const gateway = await aPair(worker);
    const body = '{ "model":"m",\n"messages":[{"role":"user","content":"\\u00fcber"}], "x": 1e2 }';
    const reply = await gateway.post("/v1/chat/completions?a=b", body);
    expect(reply.status).toBe(200);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      ...{ "x-hive-worker": "w0", "x-hive-id": "desk", "x-hive-queue-ms": "0" },
      ...{ "content-type": "application/json", "x-request-id": expect.any(String) },
    });
    expect(await reply.json()).toEqual({ choices: [{ message: { role: "assistant", content: "hello" } }] });
    expect(worker.got).toMatchObject([{ path: "/v1/chat/completions?a=b", body }]);
    expect(gateway.stats()).toMatchObject({
      requests: { in_flight: 0, queued: 0, completed_total: 1, failed_total: 0 },
      reservations: { active: 0 },
    });
  });

  test.each([
    ...["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/rerank", "/v1/messages"],
  ])("to %s is passed on", async (path) => {
    const worker = await aFakeWorker();
    const gateway = await aPair(worker);
    expect((await gateway.post(path, { model: "m" })).status).toBe(200);
    expect(worker.got[0]?.path).toBe(path);
  });

  test("carries to the worker what is meant for it, and nothing that was meant for the queen", async () => {
    const worker = await aFakeWorker();
    const gateway = await aPair(worker, {}, { token: "s3cret" });
    const sent = {
      ...{ authorization: "Bearer s3cret", "x-api-key": "s3cret", cookie: "a=b", "x-hive-session": "s" },
      ...{ "x-stainless-lang": "js", "anthropic-version": "2023-06-01", "openai-beta": "x", te: "trailers" },
      ...{ "content-type": "application/x-www-form-urlencoded" },
    };
    expect((await gateway.chat({}, { headers: sent })).status).toBe(200);
    const { headers } = worker.got[0] as Got;
    expect(headers).toMatchObject({
      ...{ "x-stainless-lang": "js", "anthropic-version": "2023-06-01", "openai-beta": "x" },
      ...{
        "content-type": "application/json",
        "x-hive-reservation": expect.any(String),
        host: new URL(worker.url).host,
      },
    });
    expect(JSON.stringify(headers)).not.toContain("s3cret");
    for (const name of ["authorization", "x-api-key", "cookie", "x-hive-session", "te", "accept-encoding"]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test("has the fleet's token as its key at a worker of our own, which asks for it", async () => {
    const worker = await aFakeWorker();
    const gateway = await aGateway({}, { token: "s3cret" });
    gateway.report([{ url: worker.url, engine: "llama-cpp" }]);
    await gateway.chat({}, { headers: { "x-api-key": "s3cret" } });
    expect(worker.got[0]?.headers.authorization).toBe("Bearer s3cret");
  });

  test("has the token on its way through the worker's own hive, and never on its way to another", async () => {
    const [own, other] = [await aFakeWorker(), await aFakeWorker()];
    const gateway = await aGateway({}, { token: "s3cret" });
    const relayed = (hive: string) => ({ engine: "vllm", url: `${hive}/v1/servers/vllm-8000` });
    const models = [{ model_id: "near" }, { model_id: "far" }];
    const workers = [relayed(own.url), relayed(other.url)].map((worker, at) => ({ ...worker, ...models[at] }));
    gateway.report(workers, "desk", own.url);
    for (const model of ["near", "far"]) await gateway.chat({ model }, { headers: { "x-api-key": "s3cret" } });
    const path = "/v1/servers/vllm-8000/v1/chat/completions";
    // The queen asks a hive for more than that.
    const asked = ({ got }: typeof own) =>
      got.filter((one) => one.path === path).map(({ headers }) => [path, headers.authorization]);
    expect([asked(own), asked(other)]).toEqual([[[path, "Bearer s3cret"]], [[path, undefined]]]);
    expect(JSON.stringify(other.got.map(({ headers }) => headers))).not.toContain("s3cret");
  });

  test("names the model as its worker does, and is otherwise unchanged", async () => {
    const worker = await aFakeWorker();
    const gateway = await aGateway({}, { aliases: { fast: "org/Llama-3-8B-GGUF" } });
    gateway.report([{ url: worker.url, model_id: "org/Llama-3-8B-GGUF" }]);
    const ask = (model: string) => gateway.post("/v1/completions", `{"prompt":"model: x", "model" : "${model}","n":1}`);
    for (const model of ["llama-3-8b:latest", "fast"]) expect((await ask(model)).status).toBe(200);
    const renamed = '{"prompt":"model: x", "model" : "org/Llama-3-8B-GGUF","n":1}';
    expect(worker.got.map(({ body }) => body)).toEqual([renamed, renamed]);
  });

  test.each(["", "/", "/v1", "/v1/", "/api", "/api/v1"])("finds a worker whose URL ends with '%s'", async (ending) => {
    const worker = await aFakeWorker();
    const gateway = await aGateway();
    gateway.report([{ url: worker.url + ending }]);
    await gateway.chat();
    expect(worker.got[0]?.path).toBe(`${ending.startsWith("/api") ? "/api" : ""}/v1/chat/completions`);
  });

  test("gets an answer without headers that are between two hops, or that speak for the queen", async () => {
    const worker = await aFakeWorker(({ response }) => {
      response.setHeader("set-cookie", "a=b");
      response.setHeader("x-accel-redirect", "/etc");
      response.setHeader("access-control-allow-origin", "*");
      response.setHeader("connection", "x-private");
      response.setHeader("x-private", "1");
      response.setHeader("x-ratelimit-remaining", "7");
      response.setHeader("x-hive-worker", "somebody else");
      response.end("{}");
    });
    const gateway = await aPair(worker);
    const { headers } = await gateway.chat();
    for (const name of ["set-cookie", "x-accel-redirect", "access-control-allow-origin", "x-private"]) {
      expect(headers.get(name), name).toBeNull();
    }
    expect(headers.get("x-ratelimit-remaining")).toBe("7");
    expect(headers.get("x-hive-worker")).toBe("w0");
  });

  test("of a page of this machine is answered so that the page may read it", async () => {
    const worker = await aFakeWorker();
    const gateway = await aPair(worker);
    const reply = await gateway.chat({}, { headers: { origin: "http://localhost:3000" } });
    expect(reply.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(worker.got[0]?.headers).not.toHaveProperty("origin");
    expect((await gateway.chat({}, { headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect(worker.got).toHaveLength(1);
  });
});

describe("what cannot be read is refused, in OpenAI's shape", () => {
  test.each([
    ["no JSON", "{", 400, "invalid_json", null],
    ["no object", "[]", 400, "invalid_json", null],
    ["nothing", "", 400, "invalid_json", null],
    ["no model", "{}", 400, "invalid_request", "model"],
    ["a model that is no text", '{"model":7}', 400, "invalid_request", "model"],
    ["an empty model", '{"model":""}', 400, "invalid_request", "model"],
    ["two models", '{"model":"a","model":"b"}', 400, "invalid_request", "model"],
    ["a model nobody has", '{"model":"nobody-has-it"}', 404, "model_not_found", "model"],
  ])("%s", async (_what, body, status, code, param) => {
    const gateway = await aGateway();
    const reply = await gateway.post("/v1/chat/completions", body);
    expect(reply.status).toBe(status);
    expect(await reply.json()).toEqual({
      error: { message: expect.any(String), type: "invalid_request_error", param, code },
    });
    expect(gateway.running.gateway.stats).toMatchObject({ in_flight: 0, body_bytes: 0 });
  });

  test.each([
    [{ "x-hive-policy": "luck" }, "x-hive-policy"],
    [{ "x-hive-direct": "teleport" }, "x-hive-direct"],
    [{ "x-hive-labels": "gpu" }, "x-hive-labels"],
    [{ "x-hive-session": "s".repeat(513) }, "x-hive-session"],
  ])("%j", async (headers, param) => {
    const gateway = await aGateway();
    const reply = await gateway.chat({}, { headers: headers as Record<string, string> });
    expect(await reply.json()).toMatchObject({ error: { param, code: "invalid_request" } });
  });

  test("an unknown path, and a wrong method with the right one", async () => {
    const gateway = await aGateway();
    const unknown = await gateway.post("/v1/nothing", {});
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: "route_not_found" } }]);
    const get = await fetch(`${gateway.url}/v1/chat/completions`);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    const post = await gateway.post("/v1/models", {});
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("a body over the limit, announced or not; one at the limit is passed on", async () => {
    const worker = await aFakeWorker();
    const gateway = await aPair(worker, { bodyBytesMax: 100_000 });
    const body = (bytes: number) => `{"model":"m","x":"${"x".repeat(bytes - 20)}"}`;
    expect((await gateway.post("/v1/completions", body(100_000))).status).toBe(200);
    const announced = await gateway.post("/v1/completions", body(100_001));
    expect([announced.status, await announced.json()]).toMatchObject([413, { error: { code: "body_too_large" } }]);
    const stream = Readable.toWeb(Readable.from([Buffer.from(body(150_000))])) as ReadableStream;
    const chunked = await gateway.post("/v1/completions", "", { body: stream, duplex: "half" } as RequestInit);
    expect([chunked.status, await chunked.json()]).toMatchObject([413, { error: { code: "body_too_large" } }]);
    expect(worker.got).toHaveLength(1);
    expect(gateway.running.gateway.stats.body_bytes).toBe(0);
  });

  test("a body when those of other requests fill the memory that there is", async () => {
    const worker = await aFakeWorker(() => undefined);
    const gateway = await aPair(worker, { bodiesBytesMax: 1_000 });
    const waiting = new AbortController();
    const first = gateway.chat({ x: "x".repeat(700) }, { signal: waiting.signal }).catch(() => undefined);
    await worker.next();
    const second = await gateway.chat({ x: "x".repeat(700) });
    expect([second.status, await second.json()]).toMatchObject([429, { error: { code: "too_many_requests" } }]);
    waiting.abort();
    await first;
    await expect.poll(() => gateway.running.gateway.stats.body_bytes).toBe(0);
  });

  test("a compressed body", async () => {
    const gateway = await aGateway();
    const reply = await gateway.chat({}, { headers: { "content-encoding": "gzip" } });
    expect([reply.status, await reply.json()]).toMatchObject([415, { error: { code: "unsupported_media_type" } }]);
  });

  test("and on Anthropic's path in Anthropic's", async () => {
    const gateway = await aGateway();
    const reply = await gateway.post("/v1/messages", { model: "nobody-has-it" });
    expect([reply.status, await reply.json()]).toEqual([
      404,
      { type: "error", error: { type: "not_found_error", message: expect.stringContaining("nobody-has-it") } },
    ]);
  });
});

describe("a queen with a token", () => {
  test("asks for it, as OpenAI's clients or Anthropic's send it, before anything else", async () => {
    const worker = await aFakeWorker();
    const gateway = await aPair(worker, {}, { token: "s3cret" });
    for (const headers of [{}, { authorization: "Bearer wrong" }, { "x-api-key": "wrong" }] as Record<
      string,
      string
    >[]) {
      const reply = await gateway.chat({}, { headers });
      expect(reply.headers.get("www-authenticate")).toBe("Bearer");
      expect([reply.status, await reply.json()]).toMatchObject([401, { error: { code: "invalid_api_key" } }]);
    }
    for (const headers of [{ authorization: "Bearer s3cret" }, { "x-api-key": "s3cret" }] as Record<string, string>[]) {
      expect((await gateway.chat({}, { headers })).status).toBe(200);
    }
    expect(worker.got).toHaveLength(2);
  });
});

describe("the models", () => {
  test("are told from memory, with the aliases that stand for one", async () => {
    const gateway = await aGateway({}, { aliases: { fast: ["b", "a"], gone: "nobody-has-it" } });
    gateway.report([{ model_id: "b" }, { model_id: "a", state: "Busy" }]);
    const { object, data } = (await (await fetch(`${gateway.url}/v1/models`)).json()) as {
      object: string;
      data: object[];
    };
    expect(object).toBe("list");
    expect(data).toMatchObject([
      { id: "a", object: "model", created: expect.any(Number), owned_by: "hive", workers: 1, idle_workers: 0 },
      { id: "b", workers: 1, idle_workers: 1 },
      { id: "fast", alias_of: ["b", "a"], workers: 2, idle_workers: 1 },
    ]);
  });

  test("are found one by one, by any name that means one", async () => {
    const gateway = await aGateway();
    gateway.report([{ model_id: "org/Llama-3-8B" }]);
    for (const id of ["org/Llama-3-8B", "org%2FLlama-3-8B", "llama-3-8b:latest"]) {
      const reply = await fetch(`${gateway.url}/v1/models/${id}`);
      expect([reply.status, await reply.json()]).toMatchObject([200, { object: "model", id: decodeURIComponent(id) }]);
    }
    const unknown = await fetch(`${gateway.url}/v1/models/llama-3-9b`);
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { error: { code: "model_not_found", message: expect.stringContaining("org/Llama-3-8B") } },
    ]);
  });

  test("may be asked for by HEAD", async () => {
    const gateway = await aGateway();
    const reply = await fetch(`${gateway.url}/v1/models`, { method: "HEAD" });
    expect([reply.status, await reply.text()]).toEqual([200, ""]);
  });
});
