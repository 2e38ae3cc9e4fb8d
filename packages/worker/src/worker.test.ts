import { expect, test } from "vitest";
import type { Engine, GenerateEvent } from "./engine/engine.ts";
import { FakeEngine } from "./engine/testing/fake-engine.ts";
import { FatalError } from "./fatal.ts";
import { quiet } from "./testing/a-worker.ts";
import { aQuestion, failure, post } from "./testing/ask.ts";
import { type RunningWorker, startWorker } from "./worker.ts";

async function* hello(): AsyncGenerator<GenerateEvent, void, void> {
  yield { type: "start", prompt_tokens: 1, cached_tokens: 0 };
  yield { type: "end", finish_reason: "stop", completion_tokens: 0 };
}

function aStart(loadEngine: () => Promise<Engine>): Promise<RunningWorker> {
  const options = { modelPath: "fake.gguf", port: 0, listen: "127.0.0.1", slots: 1 };
  return startWorker({ log: quiet, loadEngine, fetch, now: Date.now }, options);
}

test("while the model loads, the port says so to everyone; then it serves", async () => {
  let loaded = (_engine: Engine): void => {};
  const worker = await aStart(
    () =>
      new Promise<Engine>((resolve) => {
        loaded = resolve;
      }),
  );
  const ask = (): Promise<Response> => post(`${worker.url}/v1/chat/completions`, aQuestion());
  for (const response of [await fetch(`${worker.url}/health`), await fetch(`${worker.url}/v1/models`), await ask()]) {
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await response.json()).toEqual({
      error: { message: "Loading model", type: "unavailable_error", param: null, code: "loading" },
    });
    expect(response.status).toBe(503);
  }
  expect(await (await fetch(`${worker.url}/metrics`)).text()).toContain("hive_registry_worker_ready 0");

  loaded(new FakeEngine(hello));
  await worker.ready;
  expect((await ask()).status).toBe(200);
  expect((await fetch(`${worker.url}/health`)).status).toBe(200);
  await worker.stop();
});

test("a model that cannot be loaded is told to whoever started the worker", async () => {
  const worker = await aStart(() => Promise.reject(new FatalError("MODEL_INVALID", "fake.gguf is odd")));
  await expect(worker.ready).rejects.toMatchObject({ code: "MODEL_INVALID" });
  expect(await failure(await fetch(`${worker.url}/health`))).toMatchObject({ status: 503 });
  await worker.stop();
});

test("stopping twice is stopping once", async () => {
  const worker = await aStart(async () => new FakeEngine(hello));
  await worker.ready;
  await Promise.all([worker.stop(), worker.stop()]);
  await expect(fetch(`${worker.url}/health`)).rejects.toThrow();
});
