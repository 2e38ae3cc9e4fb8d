import { ensureDemoModel } from "@hive-registry/worker";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { type AnAgent, type AQueen, Workplace } from "./support/workplace.ts";

const MODEL = "hive-demo";
const MESSAGES = [{ role: "user", content: "What is a queen?" }] as const;

/** The official client, unchanged, with the queen as its only address; behind her a real worker of llama.cpp. */
describe("OpenAI's own client with the queen as its server", { timeout: 180_000 }, () => {
  let place: Workplace;
  let queen: AQueen;
  let agent: AnAgent;
  let openai: OpenAI;
  const TOKEN = "s3cret";

  beforeAll(async () => {
    place = new Workplace();
    const secret = { token: TOKEN, env: { HIVE_TOKEN: TOKEN } };
    queen = await place.queen(["--model-aliases", `fast=${MODEL}`], secret);
    agent = await place.agent(queen.url, ["--id", "desk", "--no-demo"], secret);
    const { path } = await ensureDemoModel(place.root);
    await agent.client.startWorker({ model: path, alias: MODEL, worker_id: "one", slots: 2 });
    await eventually("the worker is ready", async () =>
      (await queen.client.models()).some((one) => one.idle_workers > 0),
    );
    openai = new OpenAI({ baseURL: `${queen.url}/v1`, apiKey: TOKEN, maxRetries: 0 });
  }, 180_000);
  afterAll(() => place.end());

  const idle = () =>
    eventually("nothing is under way", async () => {
      const { requests, reservations } = await queen.client.stats();
      return requests.in_flight === 0 && requests.queued === 0 && reservations.active === 0;
    });

  test("lists the models", async () => {
    const ids: string[] = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    expect(ids).toEqual(["fast", MODEL]);
    expect(await openai.models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: "model" });
  });

  test("chats, under every name of the model", async () => {
    const answers = await Promise.all(
      [MODEL, "fast", `${MODEL}:latest`].map((model) =>
        openai.chat.completions.create({ model, messages: [...MESSAGES], temperature: 0 }),
      ),
    );
    const texts = answers.map(({ choices }) => choices[0]?.message.content);
    expect(texts[0]).toMatch(/\w+ \w+ \w+/);
    expect(new Set(texts).size).toBe(1);
  });

  test("streams the same words, piece by piece", async () => {
    const whole = await openai.chat.completions.create({ model: MODEL, messages: [...MESSAGES], temperature: 0 });
    const stream = await openai.chat.completions.create({
      ...{
        model: MODEL,
        messages: [...MESSAGES],
        temperature: 0,
        stream: true,
        stream_options: { include_usage: true },
      },
    });
    let text = "";
    let pieces = 0;
    let tokens = 0;
    for await (const { choices, usage } of stream) {
      const piece = choices[0]?.delta.content ?? "";
      text += piece;
      if (piece !== "") pieces++;
      tokens += usage?.completion_tokens ?? 0;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(pieces).toBeGreaterThan(10);
    expect(tokens).toBe(whole.usage?.completion_tokens);
    await idle();
  });

  test("leaves in the middle of a stream, and the worker is free again", async () => {
    const stream = await openai.chat.completions.create({ model: MODEL, messages: [...MESSAGES], stream: true });
    for await (const _ of stream) break;
    const client = new AbortController();
    const asked = openai.chat.completions.create({ model: MODEL, messages: [...MESSAGES] }, { signal: client.signal });
    client.abort();
    await expect(asked).rejects.toThrow(OpenAI.APIUserAbortError);
    await idle();
    await eventually("the worker says that it is idle", async () => {
      const { worker } = await queen.client.worker("one");
      return worker.state === "Idle" && worker.slots_busy === 0;
    });
  });

  test("completes, and embeds", async () => {
    const { choices } = await openai.completions.create({
      model: MODEL,
      prompt: "Hello",
      max_tokens: 5,
      temperature: 0,
    });
    expect(choices[0]?.text).toMatch(/\w/);
    const { data } = await openai.embeddings.create({ model: "fast", input: ["one", "two"] });
    expect(data.map(({ embedding }) => embedding.length > 8)).toEqual([true, true]);
    await idle();
  });

  test("gets its own kinds of errors", async () => {
    const ask = (model: string, apiKey = TOKEN, more: object = {}) =>
      openai
        .withOptions({ apiKey })
        .chat.completions.create({ model, messages: [...MESSAGES], ...more })
        .then(() => undefined)
        .catch((error: unknown) => error);
    expect(await ask("hive-dem")).toMatchObject({ code: "model_not_found", param: "model", status: 404 });
    expect(await ask("hive-dem")).toBeInstanceOf(OpenAI.NotFoundError);
    expect(await ask(MODEL, "wrong")).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(await ask(MODEL, TOKEN, { temperature: 9 })).toMatchObject({ status: 400, param: "temperature" });
    await idle();
  });
});
