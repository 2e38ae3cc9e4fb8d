import { join } from "node:path";
import { connect, type Fleet, type FleetOptions, type WorkerInfo } from "@hive-registry/client";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { gone } from "./support/processes.ts";
import { type AnAgent, type AQueen, aSteadyPort, aWorkplace, Workplace } from "./support/workplace.ts";

const MODEL = "hive-demo";
const CHAT = "/v1/chat/completions";
const HIVES = ["desk", "rack", "shed"];

/** A client that knows a worker on each of so many hives. Ends with the test. */
async function aFleet(queenUrl: string, hives: number, options: FleetOptions = {}): Promise<Fleet> {
  const fleet = connect(queenUrl, { waitMs: 60_000, backoff: { firstMs: 20, maxMs: 200 }, ...options });
  onTestFinished(() => fleet.close());
  await fleet.ready;
  await eventually(`${hives} workers`, () => {
    const ready = fleet.workers().filter(({ worker }) => worker.url !== undefined && worker.state === "Idle");
    return ready.length === hives;
  });
  return fleet;
}

const agentsOf = (workplace: Workplace, queenUrl: string, hives: readonly string[]): Promise<AnAgent[]> =>
  Promise.all(hives.map((id) => workplace.agent(queenUrl, ["--id", id, "--state-dir", join(workplace.root, id)])));

const question = (at: number, more: object = {}) => ({
  method: "POST",
  body: JSON.stringify({
    model: MODEL,
    messages: [{ role: "user", content: `Question ${at % 10}: what is a queen?` }],
    max_tokens: 6,
    temperature: 0,
    ...more,
  }),
});

/** What of an answer is the same each time: ids, times, and how much of the prompt was remembered are not. */
async function saidIn(response: Response): Promise<string> {
  const text = await response.text();
  return text.replaceAll(/"(?:id|created|cached_tokens)":(?:"[^"]*"|\d+),?/g, "");
}

/** Watches how many requests wait inside workers, as they report it, and gives the most. */
function queuesSeenBy(fleet: Fleet): () => number {
  let most = 0;
  fleet.registry.subscribe((event) => {
    if (event.type !== "hive.heartbeat") return;
    for (const { queue_depth = 0 } of event.workers) most = Math.max(most, queue_depth);
  });
  return () => most;
}

/** Runs `one` so often, so many at once, and gives what each gave. */
async function many<T>(count: number, atOnce: number, one: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const run = async () => {
    for (let at = next++; at < count; at = next++) results[at] = await one(at);
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return results;
}

/** Asks four questions at a time for as long as the story goes on, however it ends, and notes how each was answered. */
async function whileAsking<T>(fleet: Fleet, statuses: number[], story: () => Promise<T>): Promise<T> {
  let isOver = false;
  const asking = many(4, 4, async (at) => {
    while (!isOver) {
      const response = await fleet.fetch(CHAT, question(at));
      await response.text();
      statuses.push(response.status);
    }
  });
  const telling = story().finally(() => {
    isOver = true;
  });
  const [asked, told] = await Promise.allSettled([asking, telling]);
  // Why nobody asks any more says more than what was not seen then.
  if (asked.status === "rejected") throw asked.reason;
  if (told.status === "rejected") throw told.reason;
  return told.value;
}

describe("three llama.cpp workers and a client that goes straight to them", { timeout: 240_000 }, () => {
  let workplace: Workplace;
  let queen: AQueen;

  beforeAll(async () => {
    workplace = new Workplace();
    queen = await workplace.queen(["--catalog", "memory"]);
    await agentsOf(workplace, queen.url, HIVES);
  });
  afterAll(() => workplace.end());

  test("the official openai client works unchanged: chat, streams, aborts, completions, embeddings and models", async () => {
    const fleet = await aFleet(queen.url, HIVES.length);
    const openai = new OpenAI(fleet.openai());
    const messages = [{ role: "user" as const, content: "What is a queen?" }];

    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual([MODEL]);
    expect(await openai.models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: "model" });
    const whole = await openai.chat.completions.create({ model: MODEL, messages, temperature: 0 });
    expect(whole.choices[0]?.message.content).toContain("the queen keeps the registry");
    let streamed = "";
    const stream = await openai.chat.completions.create({ model: MODEL, messages, temperature: 0, stream: true });
    for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? "";
    expect(streamed).toBe(whole.choices[0]?.message.content);

    const short = await openai.completions.create({ model: MODEL, prompt: "Hello", max_tokens: 3 });
    expect(short.choices[0]?.finish_reason).toBe("length");
    const { data } = await openai.embeddings.create({ model: MODEL, input: ["a hive", "a queen"] });
    expect(data.map(({ embedding }) => embedding.length > 10)).toEqual([true, true]);

    const left = await openai.chat.completions.create({ model: MODEL, messages, stream: true });
    let pieces = 0;
    for await (const _ of left) if (++pieces === 3) break;
    expect(left.controller.signal.aborted).toBe(true);
    const aborting = new AbortController();
    const asked = openai.chat.completions.create({ model: MODEL, messages }, { signal: aborting.signal });
    aborting.abort();
    await expect(asked).rejects.toThrow(OpenAI.APIUserAbortError);

    await expect(openai.chat.completions.create({ model: "no-such-model", messages })).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
    });
    await eventually("every place is given back", () => fleet.registry.reservationCount() === 0);
    await eventually("no worker is at work", async () =>
      (await queen.client.listWorkers()).every(({ worker }) => worker.slots_busy === 0),
    );
  });

  test.each(["local", "queen"] as const)(
    "300 requests, twelve at once, places from %s: no error, none waits inside a worker, and the words are those that the worker alone would say",
    async (coordination) => {
      const fleet = await aFleet(queen.url, HIVES.length, { coordination });
      const url = (fleet.workers()[0] as { worker: WorkerInfo }).worker.url as string;
      const alone = await many(20, 1, async (at) => {
        const stream = at >= 10;
        const init = { ...question(at, { stream }), headers: { "content-type": "application/json" } };
        return await saidIn(await fetch(`${url}${CHAT}`, init));
      });
      const longestQueue = queuesSeenBy(fleet);
      const answers = await many(300, 12, async (at) => {
        const stream = at % 20 >= 10;
        const response = await fleet.fetch(CHAT, question(at, { stream }));
        const hive = response.headers.get("x-hive-id") as string;
        return { status: response.status, hive, isSame: (await saidIn(response)) === alone[at % 20] };
      });
      expect(answers.filter(({ status, isSame }) => status !== 200 || !isSame)).toEqual([]);
      expect(new Set(answers.map(({ hive }) => hive))).toEqual(new Set(HIVES));
      expect(longestQueue()).toBe(0);
      await eventually("every place is given back", async () => (await queen.client.stats()).reservations.active === 0);
      expect(fleet.registry.reservationCount()).toBe(0);
    },
  );
});

describe("when things end without a word", { timeout: 240_000 }, () => {
  test("a worker that is killed under load costs no request that had no byte yet", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(["--catalog", "memory"]);
    const [desk] = await agentsOf(workplace, queen.url, ["desk", "rack"]);
    const fleet = await aFleet(queen.url, 2);
    const victim = (await desk?.client.workers())?.[0]?.pid as number;
    let killed = false;
    const answers = await many(200, 8, async (at) => {
      if (at === 60) {
        process.kill(victim, "SIGKILL");
        killed = true;
      }
      const afterDeath = killed;
      const response = await fleet.fetch(CHAT, question(at, { max_tokens: 24 }));
      return {
        status: response.status,
        hive: response.headers.get("x-hive-id"),
        afterDeath,
        text: await response.text(),
      };
    });
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.filter(({ afterDeath }) => !afterDeath).map(({ hive }) => hive))).toEqual(
      new Set(["desk", "rack"]),
    );
    await gone(victim);
    expect(fleet.registry.reservationCount()).toBe(0);
  });

  test.each(["local", "queen"] as const)(
    "a queen that is killed and starts again costs no request, with places from %s",
    async (coordination) => {
      const workplace = aWorkplace();
      const port = String(await aSteadyPort());
      const first = await workplace.queen(["--catalog", "memory", "--port", port]);
      await agentsOf(workplace, first.url, ["desk"]);
      const fleet = await aFleet(first.url, 1, { coordination });
      const lost = new Promise((resolve) => fleet.onQueen(({ type }) => type === "lost" && resolve(undefined)));
      const statuses: number[] = [];
      const second = await whileAsking(fleet, statuses, async () => {
        await eventually("requests go through", () => statuses.length > 10);
        await first.end("SIGKILL");
        await lost;
        const atDeath = statuses.length;
        await eventually("they go on while she is away", () => statuses.length > atDeath + 20 && fleet.stale_ms > 0);

        const next = await workplace.queen(["--catalog", "memory", "--port", port]);
        await eventually("she is back", () => fleet.stale_ms === 0);
        const atReturn = statuses.length;
        await eventually("her hives are too", async () => (await next.client.listWorkers()).length === 1);
        await eventually("and they go on", () => statuses.length > atReturn + 20);
        return next;
      });
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
      await eventually(
        "every place is given back",
        async () => (await second.client.stats()).reservations.active === 0,
      );
      expect(fleet.registry.reservationCount()).toBe(0);
    },
  );
});

test("with a token, the fleet's own opens workers too", { timeout: 120_000 }, async () => {
  const workplace = aWorkplace();
  const token = "a-token-that-is-long-enough-for-anybody";
  const file = workplace.file("token", token);
  const queen = await workplace.queen(["--catalog", "memory", "--token-file", file], { token });
  await workplace.agent(queen.url, ["--id", "desk", "--token-file", file, "--listen", "0.0.0.0"], { token });
  const fleet = await aFleet(queen.url, 1, { token });
  const url = (fleet.workers()[0] as { worker: WorkerInfo }).worker.url as string;
  expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  expect((await fleet.fetch(CHAT, question(1))).status).toBe(200);
  const openai = new OpenAI(fleet.openai());
  const { choices } = await openai.chat.completions.create({
    model: MODEL,
    messages: [{ role: "user", content: "Who are you?" }],
  });
  expect(choices[0]?.message.content).toBeTruthy();

  const stranger = connect(queen.url, { token: "not-the-token" });
  onTestFinished(() => stranger.close());
  await expect(stranger.ready).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});
