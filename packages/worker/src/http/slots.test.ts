import { afterAll, beforeAll, expect, test } from "vitest";
import { type AWorker, aFolder, aWorker, type Folder } from "../testing/a-worker.ts";
import { aQuestion, chat, failure, post, said, until } from "../testing/ask.ts";
import { endlessModel } from "../testing/endless-model.ts";

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

interface Health {
  readonly slots_total: number;
  readonly slots_busy: number;
  readonly queue_depth: number;
}

async function health(url: string): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health;
}

const TOPICS = ["queen", "hive", "worker", "heartbeat", "gpu", "model", "weather", "time"];

test("eight requests over four slots each get the answer they would get alone", async () => {
  const questions = TOPICS.map((topic) => aQuestion(`What about the ${topic}?`));
  const alone: string[] = [];
  for (const question of questions) alone.push(said(await chat(worker.url, question)));
  const together = await Promise.all(questions.map((question) => chat(worker.url, question).then(said)));
  expect(together).toEqual(alone);
  expect(new Set(alone).size).toBe(7);
});

test("what a slot read before is not read again, and the answer stays the same", async () => {
  const first = await chat(worker.url, aQuestion("Now this is a prompt which nobody asked before: queen."));
  const again = await chat(worker.url, aQuestion("Now this is a prompt which nobody asked before: queen."));
  expect(first.usage.prompt_tokens_details.cached_tokens).toBeLessThan(10);
  expect(again.usage.prompt_tokens_details.cached_tokens).toBe(again.usage.prompt_tokens - 1);
  expect(again.usage.prompt_tokens).toBe(first.usage.prompt_tokens);
  expect(said(again)).toBe(said(first));
});

test("a conversation goes back to the slot that knows it, whoever spoke in between", async () => {
  const opening = { role: "user", content: "Keep in mind that my favourite animal is the otter." };
  const first = await chat(worker.url, { messages: [opening], temperature: 0 });
  await Promise.all([1, 2, 3].map((n) => chat(worker.url, aQuestion(`${n} is another conversation altogether.`))));
  const messages = [opening, { role: "assistant", content: said(first) }, { role: "user", content: "Which one?" }];
  const second = await chat(worker.url, { messages, temperature: 0 });
  expect(second.usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(first.usage.prompt_tokens);
});

test("a shared beginning with another end gives the other answer, not the remembered one", async () => {
  const start = "Some long beginning that both of these prompts have in common, and then: ";
  const queen = said(await chat(worker.url, aQuestion(`${start}queen`)));
  const gpu = said(await chat(worker.url, aQuestion(`${start}gpu`)));
  const plain = said(await chat(worker.url, aQuestion(start)));
  expect(queen).toContain("the queen keeps the registry");
  expect(gpu).toContain("the agent measures graphics memory");
  expect(plain).toContain("your request found its way");
});

test("a prompt longer than one step is read whole", async () => {
  const fresh = await aWorker(folder.modelPath, { slots: 1 });
  try {
    const answer = await chat(fresh.url, aQuestion(`${"x".repeat(1300)} queen`));
    expect(answer.usage.prompt_tokens).toBeGreaterThan(1300);
    expect(said(answer)).toContain("the queen keeps the registry");
    const longAgo = await chat(fresh.url, aQuestion(`queen ${"x".repeat(600)}`));
    expect(said(longAgo)).toContain("your request found its way");
  } finally {
    await fresh.stop();
  }
});

test("a client that hangs up frees its slot, running or queued, streaming or not", async () => {
  const endless = await aWorker(await endlessModel(folder.path), { slots: 1, contextTokens: 4096 });
  try {
    const ask = (signal: AbortSignal, more: object): Promise<string> =>
      post(`${endless.url}/v1/chat/completions`, aQuestion("Go on", more), { signal })
        .then((response) => response.text())
        .catch(() => "hung up");
    for (const more of [{ stream: true }, { stream: false }]) {
      const running = new AbortController();
      const queued = new AbortController();
      const answers = [ask(running.signal, more)];
      await until("the slot is busy", async () => (await health(endless.url)).slots_busy === 1);
      answers.push(ask(queued.signal, more));
      await until("one waits", async () => (await health(endless.url)).queue_depth === 1);
      queued.abort();
      await until("none waits", async () => (await health(endless.url)).queue_depth === 0);
      expect(await health(endless.url)).toMatchObject({ slots_busy: 1 });
      running.abort();
      await until("the slot is free", async () => (await health(endless.url)).slots_busy === 0);
      expect(await Promise.all(answers)).toEqual(["hung up", "hung up"]);
    }
    const metrics = await (await fetch(`${endless.url}/metrics`)).text();
    expect(metrics).toContain('hive_registry_worker_requests_total{route="chat",outcome="hangup"} 4');
    expect((await chat(endless.url, aQuestion("Once more", { max_tokens: 5 }))).usage.completion_tokens).toBe(5);
  } finally {
    await endless.stop();
  }
});

test("when the queue is full, the next one is told to come back", async () => {
  const endless = await aWorker(await endlessModel(folder.path), { slots: 1, contextTokens: 4096 });
  const hangUp = new AbortController();
  try {
    const pending = Array.from({ length: 129 }, () =>
      post(`${endless.url}/v1/chat/completions`, aQuestion("Go on"), { signal: hangUp.signal }).catch(() => undefined),
    );
    await until("the queue is full", async () => (await health(endless.url)).queue_depth === 128);
    const response = await post(`${endless.url}/v1/chat/completions`, aQuestion("Me too"));
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("x-should-retry")).toBe("true");
    expect(await failure(response)).toMatchObject({ status: 503, code: "queue_full" });
    hangUp.abort();
    await Promise.all(pending);
    await until("all is quiet", async () => {
      const { slots_busy, queue_depth } = await health(endless.url);
      return slots_busy === 0 && queue_depth === 0;
    });
  } finally {
    await endless.stop();
  }
});

test("a penalty on repetition changes what a repetitive model says", async () => {
  const endless = await aWorker(await endlessModel(folder.path), { slots: 1, contextTokens: 1024 });
  try {
    const ask = async (more: object): Promise<string> =>
      said(await chat(endless.url, aQuestion("Go on", { max_tokens: 6, ...more })));
    expect(await ask({})).toBe("la la la la la la");
    expect(await ask({ presence_penalty: 2 })).not.toBe("la la la la la la");
    expect(await ask({ frequency_penalty: 1 })).not.toBe("la la la la la la");
  } finally {
    await endless.stop();
  }
});

test("metrics count tokens and requests", async () => {
  const fresh = await aWorker(folder.modelPath, { slots: 2 });
  try {
    const { usage } = await chat(fresh.url, aQuestion());
    await chat(fresh.url, aQuestion());
    const text = await (await fetch(`${fresh.url}/metrics`)).text();
    expect(text).toContain('hive_registry_worker_requests_total{route="chat",outcome="ok"} 2');
    expect(text).toContain("hive_registry_worker_slots 2");
    expect(text).toContain("hive_registry_worker_slots_busy 0");
    expect(text).toContain("hive_registry_worker_ready 1");
    expect(text).toContain(`hive_registry_worker_prompt_tokens_total ${2 * usage.prompt_tokens}\n`);
    expect(text).toContain(`hive_registry_worker_cached_tokens_total ${usage.prompt_tokens - 1}\n`);
    expect(text).toContain(`hive_registry_worker_completion_tokens_total ${2 * usage.completion_tokens}\n`);
  } finally {
    await fresh.stop();
  }
});
