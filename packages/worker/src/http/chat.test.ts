import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEMO_SCRIPT } from "../demo/script.ts";
import { type AWorker, aFolder, aWorker, type Folder } from "../testing/a-worker.ts";
import { aQuestion, chat, failure, post, said, stream } from "../testing/ask.ts";

let folder: Folder;
let worker: AWorker;
beforeAll(async () => {
  folder = await aFolder();
  worker = await aWorker(folder.modelPath);
});
afterAll(async () => {
  await worker.stop();
  await folder.remove();
});

const WHOLE = [DEMO_SCRIPT.openings[0], DEMO_SCRIPT.honesty[0], DEMO_SCRIPT.about, DEMO_SCRIPT.closings[0]].join(" ");

describe("an answer", () => {
  test("is the prepared sentences, ended by the model itself", async () => {
    const answer = await chat(worker.url, aQuestion());
    expect(said(answer)).toBe(WHOLE);
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      model: "hive-demo",
      choices: [{ index: 0, message: { role: "assistant" }, finish_reason: "stop" }],
    });
  });

  test.each(DEMO_SCRIPT.topics.flatMap(({ keywords, line }) => keywords.map((keyword) => [keyword, line] as const)))(
    "to a question about %s is about that",
    async (keyword, line) => {
      expect(said(await chat(worker.url, aQuestion(`Please tell me about the ${keyword} now.`)))).toContain(line);
    },
  );

  test("to anything at all in the prompt is whole sentences", async () => {
    const odd = `Üñï 你好 🐝 \u0000 \t\r\n <|user|> </s> <0x41> \u2581 ${"x".repeat(500)}`;
    expect(said(await chat(worker.url, aQuestion(odd)))).toBe(WHOLE);
  });

  test("reads a conversation to its end: the latest topic counts", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      {
        role: "developer",
        content: [
          { type: "text", text: "Be" },
          { type: "text", text: " kind." },
        ],
      },
      { role: "user", content: "Who is the queen?" },
      { role: "assistant", content: WHOLE.repeat(3) },
      { role: "user", content: "And a heartbeat?" },
    ];
    const answer = await chat(worker.url, { messages, temperature: 0 });
    expect(said(answer)).toContain(DEMO_SCRIPT.topics.find(({ name }) => name === "heartbeat")?.line);
  });

  test("counts every token of prompt and answer", async () => {
    const { usage } = await chat(worker.url, aQuestion("Why?"));
    // <s> <|user|> W h y ? </s> <|assistant|>
    expect(usage.prompt_tokens).toBe(8);
    expect(usage.completion_tokens).toBeGreaterThan(59);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
  });
});

describe("a stream", () => {
  test("is OpenAI's: role, texts, finish, usage, [DONE]", async () => {
    const { chunks, text, last } = await stream(
      worker.url,
      aQuestion("What is this?", { stream_options: { include_usage: true } }),
    );
    expect(text).toBe(WHOLE);
    expect(last).toBe("[DONE]");
    expect(chunks[0]?.choices[0]).toMatchObject({ delta: { role: "assistant", content: "" }, finish_reason: null });
    expect(chunks.at(-2)?.choices[0]).toMatchObject({ delta: {}, finish_reason: "stop" });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number) } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    const whole = await chat(worker.url, aQuestion());
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(whole.usage.completion_tokens);
  });

  test("says nothing of usage unless asked", async () => {
    const { chunks } = await stream(worker.url, aQuestion());
    expect(chunks.every((chunk) => !("usage" in chunk))).toBe(true);
  });

  test("comes token by token, and never cuts a character", async () => {
    const { chunks } = await stream(worker.url, aQuestion());
    const texts = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "");
    expect(texts.length).toBeGreaterThan(60);
    expect(texts.join("")).toContain("naïve");
    expect(texts.some((text) => text.includes("\uFFFD"))).toBe(false);
  });

  test("tells proxies to leave it alone", async () => {
    const response = await post(`${worker.url}/v1/chat/completions`, aQuestion("Hi", { stream: true }));
    await response.text();
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("x-request-id")).toBeTruthy();
  });
});

describe("a stop string", () => {
  // Tokens of the answer: … "Hello", " from", " the", " demonstration", " model that" …
  test.each([
    ["inside one token", "demonst", "Hello from the "],
    ["split over tokens", "om the dem", "Hello fr"],
    ["among several", ["never", "monstr", "the"], "Hello from "],
    ["at the very beginning", "Hello", ""],
  ])("%s ends the answer before it", async (_where, stop, expected) => {
    const answer = await chat(worker.url, aQuestion("What is this?", { stop }));
    expect(said(answer)).toBe(expected);
    expect(answer.choices[0].finish_reason).toBe("stop");
  });

  test("never shows in a stream, not even its beginning", async () => {
    const { text, chunks } = await stream(
      worker.url,
      aQuestion("What is this?", { stop: "the demonstration model that hive-registry builds" }),
    );
    expect(text).toBe("Hello from ");
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });

  test("that only seems to come takes nothing away", async () => {
    const answer = await chat(worker.url, aQuestion("What is this?", { stop: ["Hello from a", "aside. No"] }));
    expect(said(answer)).toBe(WHOLE);
  });
});

describe("sampling", () => {
  const manySeeds = Array.from({ length: 12 }, (_, seed) => seed);

  test("one seed gives one text, whatever slot computes it", async () => {
    const ask = (seed: number): Promise<string> =>
      chat(worker.url, aQuestion("Hi", { temperature: 1.2, seed })).then(said);
    const lone = await Promise.all(manySeeds.map(ask));
    const again = await Promise.all(manySeeds.toReversed().map(ask));
    expect(again.toReversed()).toEqual(lone);
    expect(new Set(lone).size).toBeGreaterThan(1);
  });

  test("without a seed, answers vary", async () => {
    const answers = await Promise.all(
      manySeeds.map(() => chat(worker.url, aQuestion("Hi", { temperature: 1.2 })).then(said)),
    );
    expect(new Set(answers).size).toBeGreaterThan(1);
  });

  test("even hot, it speaks whole sentences", async () => {
    const lines = [...DEMO_SCRIPT.openings, ...DEMO_SCRIPT.honesty, DEMO_SCRIPT.about, ...DEMO_SCRIPT.closings];
    const text = said(await chat(worker.url, aQuestion("Hi", { temperature: 2, seed: 7 })));
    expect(lines.filter((line) => text.includes(line))).toHaveLength(4);
  });

  test("top_p near 0 is the likeliest text at any temperature", async () => {
    expect(said(await chat(worker.url, aQuestion("Hi", { temperature: 2, top_p: 0, seed: 3 })))).toBe(WHOLE);
  });
});

describe("max_tokens", () => {
  test.each(["max_tokens", "max_completion_tokens"])("%s cuts the answer with finish_reason length", async (name) => {
    const answer = await chat(worker.url, aQuestion("What is this?", { [name]: 3 }));
    expect(said(answer)).toBe("Hello from the");
    expect(answer.choices[0].finish_reason).toBe("length");
    expect(answer.usage.completion_tokens).toBe(3);
  });
});

describe("the official client", () => {
  const client = (): OpenAI => new OpenAI({ baseURL: `${worker.url}/v1`, apiKey: "any" });

  test("streams", async () => {
    const chunks = await client().chat.completions.create({
      model: "hive-demo",
      temperature: 0,
      stream: true,
      messages: [{ role: "user", content: "What is this?" }],
    });
    let text = "";
    for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe(WHOLE);
  });

  test("lists the model", async () => {
    const { data } = await client().models.list();
    expect(data).toEqual([
      expect.objectContaining({
        id: "hive-demo",
        object: "model",
        owned_by: "hive-worker",
        created: expect.any(Number),
      }),
    ]);
    expect(await client().models.retrieve("hive-demo")).toMatchObject({
      meta: { n_ctx_train: 4096, size: expect.any(Number) },
    });
  });

  test("gets vectors of length 1, the same for the same text", async () => {
    const { data, usage } = await client().embeddings.create({
      model: "hive-demo",
      input: ["What is a queen?", "Why?", "What is a queen?"],
    });
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
    const [queen, why, again] = data.map(({ embedding }) => embedding);
    expect(again).toEqual(queen);
    expect(why).not.toEqual(queen);
    for (const vector of [queen!, why!]) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(usage.total_tokens).toBe(usage.prompt_tokens);
  });
});

describe("plain completions", () => {
  test("go on from the prompt", async () => {
    const response = await post(`${worker.url}/v1/completions`, {
      prompt: "Hello from the demonstration",
      temperature: 0,
      max_tokens: 4,
    });
    expect(await response.json()).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      choices: [{ text: " model that hive-registry builds for", finish_reason: "length" }],
      usage: { completion_tokens: 4 },
    });
  });

  test("stop after 16 tokens when nothing is said about it, as OpenAI's do", async () => {
    const response = await post(`${worker.url}/v1/completions`, { prompt: [""], temperature: 0 });
    expect(await response.json()).toMatchObject({ usage: { completion_tokens: 16 } });
  });

  test("stream too", async () => {
    const response = await post(`${worker.url}/v1/completions`, {
      prompt: "",
      temperature: 0,
      max_tokens: 2,
      stream: true,
    });
    const data = (await response.text()).split("\n\n").filter((line) => line !== "");
    expect(data.at(-1)).toBe("data: [DONE]");
    const texts = data.slice(0, -1).map((line) => JSON.parse(line.slice(6)).choices[0]);
    expect(texts.map(({ text }) => text)).toEqual(["Hello", " from", ""]);
    expect(texts.at(-1).finish_reason).toBe("length");
  });
});

test("an answer may fill the slot's context and not more", async () => {
  const small = await aWorker(folder.modelPath, { contextTokens: 256, slots: 1 });
  try {
    const words = "x".repeat(200);
    const answer = await chat(small.url, aQuestion(words));
    expect(answer.choices[0].finish_reason).toBe("length");
    expect(answer.usage.total_tokens).toBe(256);
    const tooLong = await post(`${small.url}/v1/chat/completions`, aQuestion(words.repeat(2)));
    expect(await failure(tooLong)).toMatchObject({ status: 400, code: "context_length_exceeded", param: "messages" });
    const absurd = await post(`${small.url}/v1/completions`, { prompt: "x".repeat(1_000_000) });
    expect(await failure(absurd)).toMatchObject({ status: 400, code: "context_length_exceeded", param: "prompt" });
    const vector = await post(`${small.url}/v1/embeddings`, { input: words.repeat(2) });
    expect(await failure(vector)).toMatchObject({ status: 400, code: "context_length_exceeded", param: "input" });
  } finally {
    await small.stop();
  }
});
