import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GenerateEvent } from "../engine/engine.ts";
import { FakeEngine } from "../engine/testing/fake-engine.ts";
import { type AWorker, aWorker } from "../testing/a-worker.ts";
import { aQuestion, events, failure, post, until } from "../testing/ask.ts";
import { MAX_MESSAGES } from "./bodies.ts";
import { MAX_UNSENT_BYTES } from "./event-stream.ts";
import { BODY_LIMIT_BYTES } from "./server.ts";

const END: GenerateEvent = { type: "end", finish_reason: "stop", completion_tokens: 1 };

async function* hello(): AsyncGenerator<GenerateEvent, void, void> {
  yield { type: "start", prompt_tokens: 1, cached_tokens: 0 };
  yield { type: "text", text: "Hello" };
  yield END;
}

let engine: FakeEngine;
let worker: AWorker;
beforeAll(async () => {
  engine = new FakeEngine(hello);
  worker = await aWorker("fake.gguf", { engine, alias: "fake" });
});
afterAll(() => worker.stop());

function ask(body: unknown, path = "/v1/chat/completions", init: RequestInit = {}): Promise<Response> {
  return post(`${worker.url}${path}`, body, init);
}

describe("a bad request is refused with its parameter's name", () => {
  test.each([
    ["messages", {}],
    ["messages", { messages: [] }],
    ["messages", { messages: "Hi" }],
    ["messages", { messages: Array(MAX_MESSAGES + 1).fill({ role: "user", content: "" }) }],
    ["messages[0]", { messages: ["Hi"] }],
    ["messages[0].role", { messages: [{ content: "Hi" }] }],
    ["messages[1].role", { messages: [{ role: "user" }, { role: "tool", content: "Hi" }] }],
    ["messages[0].content", { messages: [{ role: "user", content: 5 }] }],
    ["messages[0].content", { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] }],
    ["temperature", aQuestion("Hi", { temperature: 2.1 })],
    ["temperature", aQuestion("Hi", { temperature: "1" })],
    ["top_p", aQuestion("Hi", { top_p: -0.1 })],
    ["max_tokens", aQuestion("Hi", { max_tokens: 0 })],
    ["max_tokens", aQuestion("Hi", { max_tokens: 1.5 })],
    ["max_completion_tokens", aQuestion("Hi", { max_completion_tokens: 1e300 })],
    ["seed", aQuestion("Hi", { seed: "lucky" })],
    ["stop", aQuestion("Hi", { stop: ["a", "b", "c", "d", "e"] })],
    ["stop", aQuestion("Hi", { stop: "" })],
    ["presence_penalty", aQuestion("Hi", { presence_penalty: 3 })],
    ["stream", aQuestion("Hi", { stream: "yes" })],
    ["model", aQuestion("Hi", { model: 7 })],
  ])("%s", async (param, body) => {
    const answer = await failure(await ask(body));
    expect(answer).toMatchObject({ status: 400, type: "invalid_request_error", param, code: "invalid_request" });
    expect(answer.message).toContain(param);
  });

  test.each([
    ["n", 2],
    ["logprobs", true],
    ["tools", [{ type: "function", function: { name: "f" } }]],
    ["response_format", { type: "json_object" }],
    ["logit_bias", { "5": 1 }],
  ])("%s, which it cannot follow", async (param, value) => {
    expect(await failure(await ask(aQuestion("Hi", { [param]: value })))).toMatchObject({
      status: 400,
      param,
      code: "unsupported_parameter",
    });
  });

  test.each([
    ["/v1/completions", { prompt: [1, 2] }, "prompt"],
    ["/v1/completions", { prompt: ["a", "b"] }, "prompt"],
    ["/v1/completions", {}, "prompt"],
    ["/v1/embeddings", { input: "" }, "input"],
    ["/v1/embeddings", { input: [] }, "input"],
    ["/v1/embeddings", { input: [[1, 2]] }, "input"],
    ["/v1/embeddings", { input: "a", encoding_format: "hex" }, "encoding_format"],
  ])("on %s: %j", async (path, body, param) => {
    expect(await failure(await ask(body, path))).toMatchObject({ status: 400, param });
  });

  test.each(["", "{", '{"messages":', "null", "[]", "5", '{"__proto__":{"a":1},"messages":[]}'])(
    "a body of %j",
    async (body) => {
      const answer = await failure(await ask(body));
      expect(answer).toMatchObject({ status: 400, type: "invalid_request_error", message: expect.any(String) });
    },
  );
});

describe("what clients send beside the point is fine", () => {
  test("null counts as absent, unknown parameters are ignored, and neutral values of unsupported ones too", async () => {
    const more = {
      model: null,
      seed: null,
      stop: null,
      max_tokens: null,
      stream_options: null,
      n: 1,
      tools: [],
      user: "me",
      logprobs: false,
    };
    expect((await ask(aQuestion("Hi", more))).status).toBe(200);
  });

  test("curl's own content type is read as JSON, and so is none", async () => {
    const body = JSON.stringify(aQuestion());
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await ask(body, undefined, { headers: form })).status).toBe(200);
    const bare = await fetch(`${worker.url}/v1/chat/completions`, {
      method: "POST",
      body: new TextEncoder().encode(body),
    });
    expect(bare.status).toBe(200);
  });

  test("OpenAI's defaults hold, and any whole number is a seed", async () => {
    await ask({ messages: [{ role: "user", content: "Hi" }], seed: -1 });
    expect(engine.requests.at(-1)).toMatchObject({ temperature: 1, top_p: 1, stop: [], seed: 4_294_967_295 });
    expect(engine.requests.at(-1)).not.toHaveProperty("max_tokens");
  });
});

describe("the wrong door", () => {
  test("another model's name is not found; this one's, its file's and none are fine", async () => {
    expect(await failure(await ask(aQuestion("Hi", { model: "gpt-4" })))).toMatchObject({
      status: 404,
      param: "model",
      code: "model_not_found",
      message: expect.stringContaining("fake"),
    });
    for (const model of ["fake", "fake.gguf"]) expect((await ask(aQuestion("Hi", { model }))).status).toBe(200);
    expect((await fetch(`${worker.url}/v1/models/other`)).status).toBe(404);
  });

  test("an unknown path is 404, a wrong method 405 with the right one", async () => {
    expect(await failure(await fetch(`${worker.url}/v1/nothing?a=1`))).toMatchObject({
      status: 404,
      code: "route_not_found",
    });
    const get = await fetch(`${worker.url}/v1/chat/completions`);
    expect(get.headers.get("allow")).toBe("POST");
    expect(await failure(get)).toMatchObject({ status: 405, code: "method_not_allowed" });
    expect((await fetch(`${worker.url}/v1/models`, { method: "DELETE" })).status).toBe(405);
  });

  test("a body over the limit is 413", async () => {
    const answer = await failure(await ask(`"${"x".repeat(BODY_LIMIT_BYTES)}"`));
    expect(answer).toMatchObject({ status: 413, code: "body_too_large" });
  });

  test("no failure tells a path of this machine or a stack", async () => {
    const broken = await aWorker("/secret/place/fake.gguf", {
      engine: new FakeEngine(async function* () {
        yield { type: "start", prompt_tokens: 1, cached_tokens: 0 };
        throw new Error("cannot map /secret/place/fake.gguf");
      }),
    });
    try {
      const text = await (await post(`${broken.url}/v1/chat/completions`, aQuestion())).text();
      expect(JSON.parse(text)).toMatchObject({ error: { type: "server_error", code: "internal_error" } });
      expect(text).not.toMatch(/secret|\.ts|\bat /);
    } finally {
      await broken.stop();
    }
  });
});

describe("browsers", () => {
  const preflightFrom = (origin: string) =>
    fetch(`${worker.url}/v1/chat/completions`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-lang",
      },
    });

  test("may ask from pages of this machine, with whatever headers their client sends", async () => {
    const preflight = await preflightFrom("http://localhost:3000");
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,content-type,x-stainless-lang");
  });

  test("may not ask from other sites where no key keeps them out", async () => {
    for (const origin of ["https://app.example", "http://localhost.evil.example", "null"]) {
      const preflight = await preflightFrom(origin);
      expect(preflight.status).toBe(403);
      expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
      expect((await fetch(`${worker.url}/v1/models`, { headers: { origin } })).status).toBe(403);
    }
  });

  test("can read failures too", async () => {
    expect((await ask({})).headers.get("access-control-allow-origin")).toBe("*");
    expect((await fetch(`${worker.url}/nowhere`)).headers.get("access-control-allow-origin")).toBe("*");
  });
});

describe("a worker with a token", () => {
  let locked: AWorker;
  beforeAll(async () => {
    locked = await aWorker("fake.gguf", { engine: new FakeEngine(hello), token: "s3cret" });
  });
  afterAll(() => locked.stop());

  test("answers whoever has it, in either header", async () => {
    for (const headers of [{ authorization: "Bearer s3cret" }, { "x-api-key": "s3cret" }] as Record<string, string>[]) {
      expect((await post(`${locked.url}/v1/chat/completions`, aQuestion(), { headers })).status).toBe(200);
      expect((await fetch(`${locked.url}/metrics`, { headers })).status).toBe(200);
    }
  });

  test.each([
    {},
    { authorization: "Bearer wrong" },
    { authorization: "Bearer s3cret2" },
    { authorization: "s3cret" },
    { "x-api-key": "" },
  ])("refuses %j on every route, even ones that are not there", async (headers) => {
    for (const path of ["/v1/models", "/metrics", "/nowhere"]) {
      const response = await fetch(`${locked.url}${path}`, { headers: headers as Record<string, string> });
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await failure(response)).toMatchObject({
        status: 401,
        type: "authentication_error",
        code: "invalid_api_key",
      });
    }
  });

  test("is asked for its health without it, and so are preflights", async () => {
    expect((await fetch(`${locked.url}/health`)).status).toBe(200);
    const preflight = await fetch(`${locked.url}/v1/chat/completions`, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  });
});

describe("a stream", () => {
  test("that breaks off ends with an error and without [DONE]", async () => {
    const broken = await aWorker("fake.gguf", {
      engine: new FakeEngine(async function* () {
        yield { type: "start", prompt_tokens: 1, cached_tokens: 0 };
        yield { type: "text", text: "Hel" };
        throw new Error("the GPU fell off the bus");
      }),
    });
    try {
      const all = await events(await post(`${broken.url}/v1/chat/completions`, aQuestion("Hi", { stream: true })));
      expect(JSON.parse(all.at(-1)!)).toMatchObject({ error: { message: expect.any(String), code: "internal_error" } });
      expect(all).not.toContain("[DONE]");
    } finally {
      await broken.stop();
    }
  });

  test("whose reader stops reading is cut off", async () => {
    let cutOff = false;
    const flood = await aWorker("fake.gguf", {
      engine: new FakeEngine(async function* (_request, signal) {
        yield { type: "start", prompt_tokens: 1, cached_tokens: 0 };
        const text = "x".repeat(MAX_UNSENT_BYTES / 8);
        for (let i = 0; i < 1_000 && !signal.aborted; i++) {
          yield { type: "text", text };
          await new Promise((resolve) => setImmediate(resolve));
        }
        cutOff = signal.aborted;
      }),
    });
    try {
      const sent = request(`${flood.url}/v1/chat/completions`, { method: "POST" }, (response) => response.pause());
      sent.on("error", () => {});
      sent.end(JSON.stringify(aQuestion("Hi", { stream: true })));
      await until("the reader is cut off", () => cutOff);
      sent.destroy();
    } finally {
      await flood.stop();
    }
  });
});
