import { expect, test } from "vitest";
import { recognise } from "./server-engines.ts";
import { aServer } from "./testing/a-server.ts";
import { but, models, page } from "./testing/sample.ts";
import { metrics, READY } from "./testing/samples/vllm.ts";
import { vllm } from "./vllm.ts";

async function read(text: string) {
  const { server } = await aServer(but(READY, { "/metrics": page(200, text) }));
  return await vllm.probe(server);
}

test("of a release before 0.9 tells its cache under the older name", async () => {
  // Source: the V0 form, docs of vLLM before PR #18354.
  const text =
    'vllm:num_requests_running{model_name="llama"} 2.0\nvllm:gpu_cache_usage_perc{model_name="llama"} 0.12\n';
  expect(await read(text)).toMatchObject({ slots_busy: 2, queue_depth: null, kv_cache_percent: 12 });
});

test("of a release that tells it under both names is not twice as full", async () => {
  const text = `${metrics("1.0", "0.0", "0.6")}vllm:gpu_cache_usage_perc{engine="0",model_name="qwen"} 0.6\n`;
  expect(await read(text)).toMatchObject({ kv_cache_percent: 60 });
});

test("that does not tell its cache is not taken for empty", async () => {
  const text = metrics("0.0", "0.0", "0.0").replaceAll("kv_cache_usage_perc", "something_else");
  expect(await read(text)).toMatchObject({ slots_busy: 0, queue_depth: 0, kv_cache_percent: null });
});

test("whose metrics are late or broken is ready, of unknown load", async () => {
  const unknown = { state: "ready", slots_busy: null, queue_depth: null, kv_cache_percent: null };
  expect(await read("vllm:num_requests_running{engine=0} 1\n")).toMatchObject(unknown);
  expect(await read("<html>")).toMatchObject(unknown);
});

test("with several engines adds their counts, and tells the fullest cache", async () => {
  const second = metrics("4.0", "2.0", "0.75").replaceAll('engine="0"', 'engine="1"');
  const probe = await read(metrics("1.0", "3.0", "0.25") + second);
  expect(probe).toMatchObject({ slots_busy: 5, queue_depth: 5, kv_cache_percent: 75 });
});

test("does not count twice what waits for a named reason", async () => {
  const reasons = 'vllm:num_requests_waiting_by_reason{reason="capacity, or deferred"} 3.0\n';
  expect(await read(metrics("1.0", "3.0", "0") + reasons)).toMatchObject({ queue_depth: 3 });
});

test("with adapters, or several names for one model, serves each of them", async () => {
  const model = { object: "model", owned_by: "vllm", root: "Qwen/Qwen3-8B", max_model_len: 4_096 };
  const listed = models(
    { ...model, id: "qwen", parent: null },
    { ...model, id: "qwen-alias", parent: null },
    { ...model, id: "sql-lora", parent: "qwen", max_model_len: null },
  );
  const { server } = await aServer(but(READY, { "/v1/models": listed }));
  expect((await vllm.probe(server))?.models).toEqual([
    { id: "qwen", loaded: true, context_tokens: 4_096 },
    { id: "qwen-alias", loaded: true, context_tokens: 4_096 },
    { id: "sql-lora", loaded: true },
  ]);
});

test("of an old release with a dead engine is broken whatever failure it answers", async () => {
  const { server } = await aServer(but(READY, { "/health": page(500, "") }));
  expect(await vllm.probe(server)).toMatchObject({ state: "broken", message: expect.stringContaining("500") });
});

test("a web application that tells its version is not taken for it", async () => {
  const { server } = await aServer({ otherwise: page(404, ""), "/version": page(200, { version: "1.2.3" }) });
  expect(await recognise(server)).toBeUndefined();
});
