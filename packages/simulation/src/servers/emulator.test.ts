import { describe, expect, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { CONTROL_PATH, type Emulator, startEmulator } from "./emulator.ts";
import { EMULATOR_KINDS } from "./kinds/kinds.ts";
import type { EmulatorOrder } from "./order.ts";
import { anEmulator, ask, begin, look, NEVER, post, QUESTION } from "./testing/an-emulator.ts";

/** A turn for each token: the next one comes when it is called. */
function steps(): { readonly beforeToken: () => Promise<void>; next(): void } {
  const waiting: (() => void)[] = [];
  let allowed = 0;
  return {
    beforeToken: () => {
      if (allowed > 0) {
        allowed--;
        return Promise.resolve();
      }
      return new Promise((resolve) => void waiting.push(resolve));
    },
    next: () => {
      const step = waiting.shift();
      if (step === undefined) allowed++;
      else step();
    },
  };
}

const requests = (server: Emulator) => {
  const { running, queued, answered } = server.status();
  return { running, queued, answered };
};

describe("work", () => {
  test.each(EMULATOR_KINDS)("%s answers a chat, whole and as a stream, with the same words", async (kind) => {
    const server = await anEmulator(kind, { answerTokens: 4 });
    const whole = await (await ask(server)).json();
    expect(whole).toMatchObject({ object: "chat.completion", model: "model", usage: { completion_tokens: 4 } });
    const streamed = await ask(server, { ...QUESTION, stream: true, stream_options: { include_usage: true } });
    expect(streamed.headers.get("content-type")).toBe("text/event-stream");
    const text = await streamed.text();
    const frames = text.split("\n\n").filter((frame) => frame.startsWith("data: {"));
    const chunks = frames.map((frame) => JSON.parse(frame.slice("data: ".length)));
    expect(chunks[0].choices[0].delta).toEqual({ role: "assistant", content: "" });
    const content = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(content).toBe(whole.choices[0].message.content);
    expect(chunks.at(-2).choices[0].finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 4 } });
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(requests(server)).toEqual({ running: 0, queued: 0, answered: 2 });
  });

  test.each([
    ["llama-server", ":\n\n"],
    ["tgi", ":\n\n"],
    ["mlx", ": keepalive 512/2048\n\n"],
  ] as const)("%s keeps a stream open with its own comment", async (kind, comment) => {
    const text = await (await ask(await anEmulator(kind), { ...QUESTION, stream: true })).text();
    expect(text.split("\n\n")[1]).toBe(comment.trimEnd());
  });

  test.each([
    ["llama-server", "/completion", { prompt: "Hi", n_predict: 2 }, { stop: true, stop_type: "limit" }],
    ["ollama", "/api/chat", { ...QUESTION, stream: false }, { done: true, message: { role: "assistant" } }],
    ["ollama", "/api/generate", { model: "model", prompt: "Hi", stream: false }, { done: true, done_reason: "stop" }],
    ["sglang", "/generate", { text: "Hi" }, { meta_info: { finish_reason: { type: "stop" } } }],
    ["tgi", "/generate", { inputs: "Hi" }, { generated_text: expect.any(String) }],
    ["koboldcpp", "/api/v1/generate", { prompt: "Hi" }, { results: [{ finish_reason: "stop" }] }],
    ["lm-studio", "/api/v0/chat/completions", QUESTION, { object: "chat.completion" }],
    ["mlx", "/chat/completions", QUESTION, { object: "chat.completion" }],
    ["vllm", "/v1/embeddings", { model: "model", input: ["a", "b"] }, { data: [{ index: 0 }, { index: 1 }] }],
  ])("%s answers on %s in its own words", async (kind, path, body, shape) => {
    const answer = await post(await anEmulator(kind as "ollama"), path, body);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject(shape);
  });

  test("Ollama streams lines of JSON unless it is told not to, and TGI's streaming path always streams", async () => {
    const lines = await post(await anEmulator("ollama", { answerTokens: 3 }), "/api/chat", QUESTION);
    expect(lines.headers.get("content-type")).toBe("application/x-ndjson");
    const said = (await lines.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(said.map(({ done }) => done)).toEqual([false, false, false, true]);
    const events = await (await post(await anEmulator("tgi"), "/generate_stream", { inputs: "Hi" })).text();
    expect(events.split("\n\n")[1]).toMatch(/^data:\{"token":/);
  });

  test("no more run at once than there are slots, and the others wait in their turn", async () => {
    const { beforeToken, next } = steps();
    const server = await anEmulator("llama-server", { slots: 2, answerTokens: 1, beforeToken });
    const answers = [ask(server), ask(server), ask(server)];
    await eventually("three requests", () => server.status().running + server.status().queued === 3);
    expect(requests(server)).toEqual({ running: 2, queued: 1, answered: 0 });
    expect((await look(server, "/slots")).json).toMatchObject([{ is_processing: true }, { is_processing: true }]);
    expect((await look(server, "/metrics")).text).toContain("llamacpp:requests_deferred 1\n");
    next();
    await eventually("an answer", () => server.status().answered === 1);
    expect(requests(server)).toEqual({ running: 2, queued: 0, answered: 1 });
    next();
    next();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await look(server, "/metrics")).text).toContain("llamacpp:tokens_predicted_total 3\n");
  });

  test("a client that leaves frees its slot", async () => {
    const server = await anEmulator("vllm", { slots: 1, beforeToken: NEVER });
    const { sent } = begin(server);
    await eventually("a request that runs", () => server.status().running === 1);
    sent.destroy();
    await eventually("nothing that runs", () => server.status().running === 0);
    expect(requests(server)).toEqual({ running: 0, queued: 0, answered: 0 });
  });

  test("where others hold every slot, a request waits until they let go", async () => {
    const server = await anEmulator("vllm", { slots: 2 });
    await server.control({ state: "busy" });
    const answer = ask(server);
    await eventually("a request that waits", () => server.status().queued === 1);
    expect(requests(server)).toEqual({ running: 2, queued: 1, answered: 0 });
    await server.control({ state: "ready" });
    expect((await answer).status).toBe(200);
    expect(requests(server)).toEqual({ running: 0, queued: 0, answered: 1 });
  });

  test("tokens come at the pace that was set", async () => {
    const server = await anEmulator("tgi", { answerTokens: 5, tokensPerSecond: 100, firstTokenMs: 20 });
    const startMs = performance.now();
    await (await ask(server)).text();
    // Five tokens are four pauses of 10 ms after the first; timers are late, never early by more than they round.
    expect(performance.now() - startMs).toBeGreaterThan(55);
  });

  test("bodies that are too large or no JSON are refused in the kind's own shape", async () => {
    const server = await anEmulator("ollama");
    const send = (body: string) => fetch(`${server.url}/v1/chat/completions`, { method: "POST", body });
    const broken = await send("{");
    expect([broken.status, await broken.json()]).toMatchObject([400, { error: { type: "invalid_request_error" } }]);
    expect((await send("[]")).status).toBe(400);
    expect((await send("x".repeat(32 * 1_048_576 + 1))).status).toBe(413);
  });
});

describe("models that are loaded on demand", () => {
  const models = ["a", "b"];
  const loadedOf = async (server: Emulator) =>
    ((await look(server, "/api/ps")).json as { models: { name: string }[] }).models.map(({ name }) => name);

  test("Ollama loads what a request names beside what it has, and unloads what it is told to", async () => {
    const server = await anEmulator("ollama", { models });
    expect(await loadedOf(server)).toEqual(["a"]);
    await ask(server, { ...QUESTION, model: "b" });
    expect(await loadedOf(server)).toEqual(["a", "b"]);
    const unloaded = await (await post(server, "/api/generate", { model: "a", keep_alive: 0 })).json();
    expect(unloaded).toMatchObject({ model: "a", response: "", done: true, done_reason: "unload" });
    expect(await loadedOf(server)).toEqual(["b"]);
    expect(await (await post(server, "/api/generate", { model: "a" })).json()).toMatchObject({ done_reason: "load" });
    expect(await loadedOf(server)).toEqual(["b", "a"]);
    expect(await (await post(server, "/api/show", { model: "a" })).json()).toMatchObject({
      model_info: { "general.architecture": "llama" },
    });
  });

  test("llama-swap puts it in the place of the other, and says which one is on the way", async () => {
    const server = await anEmulator("llama-swap", { models, loadMs: 60_000, answerTokens: 1 });
    await server.control({ state: "ready" });
    const states = async () => {
      const { running } = (await look(server, "/running")).json as { running: { model: string; state: string }[] };
      return running.map(({ model, state }) => `${model} ${state}`);
    };
    expect(await states()).toEqual(["a ready"]);
    const { sent } = begin(server, { ...QUESTION, model: "b" });
    await eventually("a request that runs", () => server.status().running === 1);
    expect(await states()).toEqual(["a ready", "b starting"]);
    sent.destroy();
    const quick = await anEmulator("llama-swap", { models });
    await ask(quick, { ...QUESTION, model: "b" });
    expect(quick.status().loaded).toEqual(["b"]);
  });

  test("LM Studio loads and unloads through its own API", async () => {
    const server = await anEmulator("lm-studio", { models });
    await post(server, "/api/v1/models/load", { model: "b" });
    await post(server, "/api/v1/models/unload", { instance_id: "a" });
    expect((await look(server, "/api/v0/models")).json).toMatchObject({
      data: [
        { id: "a", state: "not-loaded" },
        { id: "b", state: "loaded" },
      ],
    });
  });
});

describe("a sleeper", () => {
  test("says so, and wakes for a request, not for a question", async () => {
    const server = await anEmulator("llama-server");
    await server.control({ state: "sleeping" });
    for (const path of ["/health", "/v1/models", "/metrics"]) expect((await look(server, path)).status).toBe(200);
    expect((await look(server, "/props")).json).toMatchObject({ is_sleeping: true });
    expect((await ask(server)).status).toBe(200);
    expect((await look(server, "/props")).json).toMatchObject({ is_sleeping: false });
  });

  test("of vLLM sleeps and wakes when it is told to", async () => {
    const server = await anEmulator("vllm");
    await post(server, "/sleep?level=1", {});
    expect((await look(server, "/is_sleeping")).json).toEqual({ is_sleeping: true });
    await post(server, "/wake_up", {});
    expect((await look(server, "/is_sleeping")).json).toEqual({ is_sleeping: false });
  });

  test("of Ollama has nothing in memory", async () => {
    const server = await anEmulator("ollama");
    await server.control({ state: "sleeping" });
    expect((await look(server, "/api/ps")).json).toEqual({ models: [] });
    expect((await ask(server)).status).toBe(200);
    expect(server.status()).toMatchObject({ state: "ready", loaded: ["model"] });
  });

  test("is not made of a kind that never sleeps", async () => {
    const server = await anEmulator("tgi");
    await expect(server.control({ state: "sleeping" })).rejects.toThrow(TypeError);
    expect(server.status().state).toBe("ready");
  });
});

describe("faults", () => {
  test("`hang`: nothing comes, to questions and to work", async () => {
    const server = await anEmulator("ollama");
    await server.control({ fault: { kind: "hang", path: "/question", times: 1 } });
    const leaving = new AbortController();
    let ends = 0;
    const question = fetch(`${server.url}/question`, { signal: leaving.signal }).finally(() => ends++);
    question.catch(() => undefined);
    await eventually("the question", () => server.asked("/question") === 1);
    await server.control({ fault: { kind: "hang", path: "/v1/chat", times: 1 } });
    const { sent, received } = begin(server);
    await eventually("the work", () => server.asked("/v1/chat/completions") === 1);
    // Who comes later is answered, and those two are not.
    expect((await look(server, "/question")).status).toBe(404);
    expect((await ask(server)).status).toBe(200);
    expect([ends, received()]).toEqual([0, ""]);
    leaving.abort();
    sent.destroy();
    await expect(question).rejects.toThrow();
  });

  test("`cut`: the connection breaks", async () => {
    const server = await anEmulator("vllm");
    await server.control({ fault: { kind: "cut", path: "/load", times: 1 } });
    await expect(fetch(`${server.url}/load`)).rejects.toThrow();
    expect((await look(server, "/load")).status).toBe(200);
  });

  test("`garbage`: what is called JSON is none", async () => {
    const server = await anEmulator("sglang");
    await server.control({ fault: { kind: "garbage", path: "/v1/loads" } });
    const { status, headers, json } = await look(server, "/v1/loads?include=core");
    expect([status, headers.get("content-type"), json]).toEqual([200, "application/json", undefined]);
    expect((await look(server, "/get_load")).json).toMatchObject([{ num_reqs: 0 }]);
    await server.control({ fault: null });
    expect((await look(server, "/v1/loads")).json).toMatchObject({ loads: [{ dp_rank: 0 }] });
  });

  test("`refuse`: a status with words that nobody knows", async () => {
    const server = await anEmulator("llama-cpp");
    await server.control({ fault: { kind: "refuse", status: 502, path: "/health" } });
    expect(await look(server, "/health")).toMatchObject({ status: 502, text: "out of honey" });
  });

  test("`cut` and `hang` in the middle of an answer come after their tokens", async () => {
    const server = await anEmulator("vllm", { answerTokens: 8 });
    await server.control({ fault: { kind: "cut", after_tokens: 3, path: "/v1/chat" } });
    const cut = begin(server, { ...QUESTION, stream: true });
    const response = await cut.response;
    await new Promise((resolve) => response.on("close", resolve));
    expect(cut.received().match(/"delta":\{"content"/g)).toHaveLength(3);
    expect(response.complete).toBe(false);

    await server.control({ fault: { kind: "hang", after_tokens: 2 } });
    const hung = begin(server, { ...QUESTION, stream: true });
    await eventually("two tokens", () => hung.received().match(/"delta":\{"content"/g)?.length === 2);
    expect(requests(server)).toEqual({ running: 1, queued: 0, answered: 0 });
    hung.sent.destroy();
    await eventually("nothing that runs", () => server.status().running === 0);
  });

  test.each([
    ["vllm", true],
    ["llama-server", false],
  ] as const)(
    "`error` of %s comes in its own words, and inside a stream that has begun",
    async (kind, endsWithDone) => {
      const server = await anEmulator(kind, { answerTokens: 8 });
      await server.control({ fault: { kind: "error", path: "/v1/chat" } });
      const failed = await ask(server, { ...QUESTION, stream: true });
      expect([failed.status, await failed.json()]).toMatchObject([500, { error: { code: 500 } }]);
      await server.control({ fault: { kind: "error", path: "/v1/chat", after_tokens: 2 } });
      const begun = await ask(server, { ...QUESTION, stream: true });
      const text = await begun.text();
      expect(begun.status).toBe(200);
      expect(text.match(/"delta":\{"content"/g)).toHaveLength(2);
      expect(text).toContain('data: {"error":{"message":"The model has crashed"');
      expect(text).not.toContain('finish_reason":"stop');
      expect(text.endsWith("data: [DONE]\n\n")).toBe(endsWithDone);
    },
  );

  test("a slow one says everything late", async () => {
    const server = await anEmulator("ollama");
    await server.control({ state: "slow", slow_ms: 60_000 });
    await expect(fetch(`${server.url}/api/version`, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    await server.control({ state: "slow", slow_ms: 1 });
    expect((await look(server, "/api/version")).json).toEqual({ version: "0.33.0" });
  });
});

// A hive that runs on this machine finds these servers and looks at them, too: what is counted here are paths that no hive knows.
describe("control over HTTP", () => {
  const order = (server: Emulator, body: EmulatorOrder | object) => post(server, CONTROL_PATH, body);

  test("tells how it stands, and how often each path was asked for", async () => {
    const server = await anEmulator("ollama", { models: ["a"] });
    await look(server, "/one");
    await look(server, "/one?x=1");
    await look(server, "/other");
    const { json } = await look(server, CONTROL_PATH);
    expect(json).toMatchObject({
      ...{ kind: "ollama", state: "ready", slots: 1, running: 0, queued: 0, answered: 0, overloaded: 0 },
      ...{ loaded: ["a"], children: [], asked: { "/one": 2, "/other": 1 } },
    });
    expect([server.asked("/one"), server.asked("/never")]).toEqual([2, 0]);
  });

  test("makes it what it is told to be, and answers with that", async () => {
    const server = await anEmulator("llama-server");
    const answer = await order(server, { state: "busy", queued: 2 });
    expect(await answer.json()).toMatchObject({ state: "busy", running: 4, queued: 2 });
    expect((await (await order(server, { state: "ready", queued: 0 })).json()).running).toBe(0);
  });

  test("needs no key, and goes on while it is broken, slow, or at fault", async () => {
    const server = await anEmulator("llama-server", { key: "secret" });
    await order(server, { fault: { kind: "hang" } });
    await order(server, { state: "slow", slow_ms: 60_000 });
    expect((await order(server, { state: "ready", fault: null })).status).toBe(200);
    expect((await look(server, "/health")).status).toBe(200);
  });

  test("of a kind that is silent while it loads says for how long", async () => {
    const server = await anEmulator("vllm");
    const refused = await order(server, { state: "loading" });
    expect([refused.status, (await refused.json()).error]).toEqual([400, expect.stringContaining("for_ms")]);
    expect((await order(server, { state: "loading", for_ms: 50 })).status).toBe(200);
    await eventually("that it loads", () => server.status().state === "loading");
    await server.ready();
    expect((await look(server, "/health")).status).toBe(200);
  });

  test.each([
    ["no object", []],
    ["an unknown field", { color: "red" }],
    ["an unknown state", { state: "happy" }],
    ["a state of no kind of it", { state: "sleeping" }],
    ["more than its slots", { running: 65 }],
    ["a share over 1", { kv: 1.5 }],
    ["a model that is none", { loaded: ["other"] }],
    ["a list without end", { without: Array(65).fill("/") }],
    ["an unknown fault", { fault: { kind: "explode" } }],
    ["a fault with an unknown field", { fault: { kind: "cut", when: "now" } }],
    ["tokens before garbage", { fault: { kind: "garbage", after_tokens: 1 } }],
    ["a time without a state", { for_ms: 5 }],
  ])("refuses %s, and stays as it was", async (_name, body) => {
    const server = await anEmulator("tgi");
    const { asked: _, ...before } = server.status();
    const answer = await order(server, body);
    expect([answer.status, typeof (await answer.json()).error]).toEqual([400, "string"]);
    expect(server.status()).toMatchObject(before);
    expect((await look(server, "/health")).status).toBe(200);
  });

  test("counts no more than 256 paths by name", async () => {
    const server = await anEmulator("ollama");
    for (let at = 0; at < 260; at++) await look(server, `/path-${at}`);
    expect([server.asked("/path-0"), server.asked("/path-259")]).toEqual([1, 0]);
    expect(server.asked("other")).toBeGreaterThanOrEqual(4);
    expect(Object.keys(server.status().asked)).toHaveLength(257);
  });
});

test("it loads at its start when told to: a silent one has a port, and nobody can connect", async () => {
  const server = await anEmulator("sglang", { loadMs: 60_000 });
  expect(server.port).toBeGreaterThan(0);
  await expect(fetch(`${server.url}/get_model_info`)).rejects.toThrow();
  await server.control({ state: "ready" });
  expect((await look(server, "/get_model_info")).status).toBe(200);
});

test("when another took the port of a silent one, whoever waits for it hears of it", async () => {
  const server = await anEmulator("vllm");
  await server.control({ state: "loading" });
  await anEmulator("ollama", { port: server.port });
  await expect(server.control({ state: "ready" })).rejects.toMatchObject({ code: "EADDRINUSE" });
  await expect(server.ready()).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a port that is taken is an error at once", async () => {
  const server = await anEmulator("ollama");
  await expect(startEmulator("vllm", { port: server.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("its end cuts what runs, and its port is free again", async () => {
  const server = await anEmulator("llama-server", { beforeToken: NEVER });
  const running = begin(server, { ...QUESTION, stream: true });
  const response = await running.response;
  const closed = new Promise((resolve) => response.on("close", resolve));
  await server.stop();
  await closed;
  await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  expect((await anEmulator("ollama", { port: server.port })).port).toBe(server.port);
});
