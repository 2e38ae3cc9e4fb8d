import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { type FakeWorker, type FakeWorkerOptions, startFakeWorker } from "./fake-worker.ts";

async function aWorker(options: FakeWorkerOptions = {}): Promise<FakeWorker> {
  const worker = await startFakeWorker(options);
  onTestFinished(() => worker.stop());
  return worker;
}

const QUESTION = { model: "m", messages: [{ role: "user", content: "Who is the queen?" }] };

const ask = (worker: FakeWorker, body: object = QUESTION, path = "/v1/chat/completions"): Promise<Response> =>
  fetch(worker.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** A request whose answer is left to arrive. */
async function open(worker: FakeWorker, body: object): Promise<{ sent: ClientRequest; response: IncomingMessage }> {
  const sent = request(`${worker.url}/v1/chat/completions`, { method: "POST" });
  sent.end(JSON.stringify(body));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve);
    sent.on("error", reject);
  });
  response.on("error", () => undefined);
  return { sent, response };
}

test("the same question gets the same bytes from any worker, streamed or not", async () => {
  const [one, other] = [await aWorker({ workerId: "one", seed: 1 }), await aWorker({ workerId: "other", seed: 2 })];
  for (const body of [QUESTION, { ...QUESTION, stream: true, stream_options: { include_usage: true } }]) {
    const [first, second] = [await (await ask(one, body)).text(), await (await ask(other, body)).text()];
    expect(first).toBe(second);
  }
  const answer = await (await ask(one, { ...QUESTION, messages: [{ role: "user", content: "Else?" }] })).json();
  const before = await (await ask(one)).json();
  expect(answer.choices[0].message.content).not.toBe(before.choices[0].message.content);
});

test("a streamed answer says what the whole one says", async () => {
  const worker = await aWorker({ answerTokens: 5 });
  const whole = await (await ask(worker)).json();
  const streamed = await (await ask(worker, { ...QUESTION, stream: true })).text();
  const frames = streamed.split("\n\n").filter((frame) => frame.startsWith("data: {"));
  const said = frames.map((frame) => JSON.parse(frame.slice(6)).choices[0].delta.content ?? "").join("");
  expect(said).toBe(whole.choices[0].message.content);
  expect(streamed.endsWith("data: [DONE]\n\n")).toBe(true);
  expect(whole.usage.completion_tokens).toBe(5);
});

test("a request's own limit cuts the answer, and says so", async () => {
  const worker = await aWorker({ answerTokens: 50 });
  const { choices, usage } = await (await ask(worker, { ...QUESTION, max_tokens: 3 })).json();
  expect(usage.completion_tokens).toBe(3);
  expect(choices[0].finish_reason).toBe("length");
});

test.each([
  ["/v1/completions", { prompt: "Once" }, { object: "text_completion" }],
  ["/v1/embeddings", { input: ["a", "b"] }, { data: [{ index: 0 }, { index: 1 }] }],
  ["/v1/rerank", { query: "a bee", documents: ["the wasp", "a bee"] }, { results: [{ index: 1 }, { index: 0 }] }],
  ["/v1/responses", { input: "Hi" }, { object: "response", status: "completed" }],
  ["/v1/messages", { messages: QUESTION.messages }, { type: "message", role: "assistant" }],
])("%s is answered in its own shape", async (path, body, shape) => {
  const worker = await aWorker();
  const response = await ask(worker, { model: "m", ...body }, path);
  expect(await response.json()).toMatchObject({ model: "m", ...shape });
});

test("tokens come one by one: each is at the client before the next is made", async () => {
  const steps: (() => void)[] = [];
  const worker = await aWorker({ answerTokens: 3, beforeToken: () => new Promise((resolve) => steps.push(resolve)) });
  const { response } = await open(worker, { ...QUESTION, stream: true });
  let received = "";
  response.setEncoding("utf8").on("data", (piece: string) => {
    received += piece;
  });
  const tokens = () => (received.match(/"delta":\{"content"/g) ?? []).length;
  for (let at = 0; at < 3; at++) {
    const step = await eventually("the next token's turn", () => steps[at]);
    expect(tokens()).toBe(at);
    step();
    await eventually("the token", () => tokens() === at + 1);
  }
  await eventually("the end", () => received.includes("[DONE]"));
});

test("its report tells of the slots that are taken and of who waits, and its listeners hear of it", async () => {
  const worker = await aWorker({ slots: 1, queueMax: 1, beforeToken: () => new Promise(() => undefined) });
  const states = [worker.info().state];
  worker.onChange(() => states.push(worker.info().state));
  const running = ask(worker).catch(() => undefined);
  await eventually("a request that runs", () => worker.counts().running === 1);
  const waiting = ask(worker).catch(() => undefined);
  await eventually("a request that waits", () => worker.counts().waiting === 1);
  expect(worker.info()).toMatchObject({ state: "Busy", slots_total: 1, slots_busy: 1, queue_depth: 1 });
  const over = await ask(worker);
  expect([over.status, over.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(worker.counts()).toMatchObject({ received: 3, refused: 1 });
  expect(states).toContain("Busy");
  await worker.stop();
  await Promise.all([running, waiting]);
});

test("a client that hangs up frees its slot, and the next one is served", async () => {
  let isHeld = true;
  const worker = await aWorker({
    slots: 1,
    beforeToken: async () => (isHeld ? new Promise(() => undefined) : undefined),
  });
  const { sent } = await open(worker, { ...QUESTION, stream: true });
  isHeld = false;
  const next = ask(worker);
  await eventually("a request that waits", () => worker.counts().waiting === 1);
  sent.destroy();
  expect((await next).status).toBe(200);
  await eventually("nothing that runs", () => worker.counts().running === 0);
  expect(worker.counts()).toMatchObject({ received: 2, aborted: 1, completed: 1, waiting: 0 });
});

test("with the fault `die` the stream ends after its tokens without an end", async () => {
  const worker = await aWorker({ answerTokens: 8 });
  worker.setFault({ kind: "die", after_tokens: 3 }, { times: 1 });
  const { response } = await open(worker, { ...QUESTION, stream: true });
  let received = "";
  response.setEncoding("utf8").on("data", (piece: string) => {
    received += piece;
  });
  await new Promise((resolve) => response.on("close", resolve));
  expect(received.match(/"delta":\{"content"/g)).toHaveLength(3);
  expect(response.complete).toBe(false);
  expect(worker.counts()).toMatchObject({ died: 1, running: 0 });
  expect((await ask(worker)).status).toBe(200);
});

test("with the fault `hang` nothing comes until the client leaves", async () => {
  const worker = await aWorker();
  worker.setFault({ kind: "hang" });
  const leaving = new AbortController();
  const hung = fetch(`${worker.url}/v1/chat/completions`, {
    ...{ method: "POST", body: JSON.stringify(QUESTION), signal: leaving.signal },
  }).then(
    () => "answered",
    () => "left",
  );
  await eventually("a request that runs", () => worker.counts().running === 1);
  leaving.abort();
  expect(await hung).toBe("left");
  await eventually("nothing that runs", () => worker.counts().running === 0);
  expect(worker.counts()).toMatchObject({ received: 1, aborted: 1 });
});

test("with the fault `refuse` it fails fast and looks idle", async () => {
  const worker = await aWorker();
  worker.setFault({ kind: "refuse" });
  const refused = await ask(worker);
  expect([refused.status, await refused.text()]).toEqual([503, "out of honey"]);
  expect(worker.info()).toMatchObject({ state: "Idle", slots_busy: 0 });
  worker.clearFault();
  expect((await ask(worker)).status).toBe(200);
});

test("a fault of half the requests meets some and spares some, the same ones for the same seed", async () => {
  const outcomes = async () => {
    const worker = await aWorker({ seed: 7 });
    worker.setFault({ kind: "refuse" }, { share: 0.5 });
    const statuses: number[] = [];
    for (let at = 0; at < 20; at++) statuses.push((await ask(worker)).status);
    return statuses;
  };
  const first = await outcomes();
  expect(new Set(first)).toEqual(new Set([200, 503]));
  expect(await outcomes()).toEqual(first);
});

test("while it loads it says so, and a request that came too early is answered once it has loaded", async () => {
  const worker = await aWorker({ loadMs: 50 });
  expect(worker.info().state).toBe("Loading");
  expect((await ask(worker)).status).toBe(200);
  expect(worker.info().state).toBe("Idle");
});

test("a crash cuts everything, and after it connections are refused until it is back on its port", async () => {
  const worker = await aWorker({ beforeToken: () => new Promise(() => undefined) });
  const { response } = await open(worker, { ...QUESTION, stream: true });
  const closed = new Promise((resolve) => response.on("close", resolve));
  await worker.crash();
  await closed;
  await expect(fetch(`${worker.url}/health`)).rejects.toThrow();
  expect(worker.counts()).toMatchObject({ died: 1, running: 0 });
  const before = worker.url;
  await worker.revive();
  expect(worker.url).toBe(before);
  expect((await fetch(`${worker.url}/health`)).status).toBe(200);
});

test("what it cannot answer is refused, and counted", async () => {
  const worker = await aWorker();
  const post = (path: string, body: string) => fetch(worker.url + path, { method: "POST", body });
  expect((await post("/v1/unknown", "{}")).status).toBe(404);
  expect((await post("/v1/embeddings", "[]")).status).toBe(400);
  expect((await post("/v1/embeddings", "{")).status).toBe(400);
  expect((await post("/v1/embeddings", "x".repeat(32 * 1_048_576 + 1))).status).toBe(413);
  expect((await fetch(`${worker.url}/nowhere`)).status).toBe(404);
  expect(worker.counts()).toMatchObject({ received: 4, refused: 4 });
});

test("requests are remembered with their headers, the last 64 of them", async () => {
  const worker = await aWorker();
  await fetch(`${worker.url}/v1/completions`, {
    ...{ method: "POST", body: "{}", headers: { "x-hive-reservation": "r-1" } },
  });
  expect(worker.seen()).toMatchObject([{ path: "/v1/completions", headers: { "x-hive-reservation": "r-1" } }]);
  expect(worker.info().last_reservation).toBe("r-1");
  for (let at = 0; at < 70; at++) await ask(worker);
  expect(worker.seen()).toHaveLength(64);
});
