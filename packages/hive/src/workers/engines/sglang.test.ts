import { expect, test } from "vitest";
import { recognise } from "./server-engines.ts";
import { sglang } from "./sglang.ts";
import { aServer } from "./testing/a-server.ts";
import { but, page } from "./testing/sample.ts";
import { loads, READY } from "./testing/samples/sglang.ts";

const GONE = page(404, { detail: "Not Found" });

test("with several data-parallel ranks adds their counts, and tells the fullest cache", async () => {
  const rank = { num_running_reqs: 2, num_waiting_reqs: 1, token_usage: 0.1, max_running_requests: 8 };
  const { server } = await aServer(but(READY, { "/v1/loads": page(200, loads(rank, { ...rank, token_usage: 0.5 })) }));
  expect(await sglang.probe(server)).toMatchObject({
    ...{ slots_total: 16, slots_busy: 4, queue_depth: 2, kv_cache_percent: 50 },
  });
});

test("with a rank that leaves something out does not know the sum of it", async () => {
  const rank = { num_running_reqs: 2, num_waiting_reqs: 1 };
  const { server } = await aServer(but(READY, { "/v1/loads": page(200, loads(rank, { num_waiting_reqs: 3 })) }));
  expect(await sglang.probe(server)).toMatchObject({
    ...{ slots_total: null, slots_busy: null, queue_depth: 4, kv_cache_percent: null },
  });
});

// Source: the documentation's production_metrics.
const OLD_METRICS = `# HELP sglang:num_running_reqs The number of running requests
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{model_name="meta-llama/Llama-3.1-8B-Instruct"} 162.0
# HELP sglang:token_usage The token usage
# TYPE sglang:token_usage gauge
sglang:token_usage{model_name="meta-llama/Llama-3.1-8B-Instruct"} 0.28
# HELP sglang:num_queue_reqs The number of requests in the waiting queue
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{model_name="meta-llama/Llama-3.1-8B-Instruct"} 2826.0
`;

test("of an older release is read by its metrics, which are not searched for each time", async () => {
  const { server, asked } = await aServer(but(READY, { "/v1/loads": GONE, "/metrics": page(200, OLD_METRICS) }));
  const load = { slots_total: null, slots_busy: 162, queue_depth: 2826, version: null };
  for (let probe = 0; probe < 3; probe += 1) expect(await sglang.probe(server)).toMatchObject(load);
  expect((await sglang.probe(server))?.kv_cache_percent).toBeCloseTo(28);
  expect(asked.filter((question) => question.includes("/v1/loads"))).toHaveLength(1);
});

test("written as its router writes, with underscores, is read as well", async () => {
  const text = OLD_METRICS.replaceAll("sglang:", "sglang_");
  const { server } = await aServer(but(READY, { "/v1/loads": GONE, "/metrics": page(200, text) }));
  expect(await sglang.probe(server)).toMatchObject({ slots_busy: 162, queue_depth: 2826 });
});

test("counts a request once, though each tensor-parallel rank and each priority tells of it", async () => {
  // The label sets are of third-party captures of 2026; counts are constructed.
  const line = (labels: string, value: number) => `sglang:num_running_reqs{engine_type="unified",${labels}} ${value}.0`;
  const text = [
    line('tp_rank="0",dp_rank="0",priority=""', 24),
    line('tp_rank="1",dp_rank="0",priority=""', 24),
    line('tp_rank="0",dp_rank="0",priority="9223372036854775807"', 20),
    line('tp_rank="0",dp_rank="1",priority=""', 6),
  ].join("\n");
  const { server } = await aServer(but(READY, { "/v1/loads": GONE, "/metrics": page(200, text) }));
  expect(await sglang.probe(server)).toMatchObject({ slots_busy: 30, queue_depth: null, kv_cache_percent: null });
});

test("that tells only of single priorities does not know how many requests run", async () => {
  const text =
    'sglang:num_running_reqs{tp_rank="0",priority="1"} 4.0\nsglang:num_running_reqs{tp_rank="0",priority="2"} 3.0\n';
  const { server } = await aServer(but(READY, { "/v1/loads": GONE, "/metrics": page(200, text) }));
  expect(await sglang.probe(server)).toMatchObject({ slots_busy: null });
});

test("of an old release without metrics is read by its old list of loads", async () => {
  const old = page(200, [{ dp_rank: 0, num_reqs: 4, num_waiting_reqs: 1, num_tokens: 12_385, ts_tic: 1 }]);
  const { server, asked } = await aServer(but(READY, { "/v1/loads": GONE, "/metrics": GONE, "/get_load": old }));
  expect(await sglang.probe(server)).toMatchObject({ slots_busy: 3, queue_depth: 1, kv_cache_percent: null });
  asked.length = 0;
  await sglang.probe(server);
  expect(asked).toEqual(["GET /v1/models", "GET /get_load"]);
});

test("that tells its load nowhere is ready, of unknown load", async () => {
  const { server } = await aServer(but(READY, { "/v1/loads": GONE }));
  expect(await sglang.probe(server)).toMatchObject({ state: "ready", slots_total: null, slots_busy: null });
});

test("is recognised by its newer name for itself too", async () => {
  const { "/get_model_info": info = GONE, ...rest } = READY;
  const { server } = await aServer({ ...rest, otherwise: GONE, "/model_info": info });
  expect((await recognise(server))?.name).toBe("sglang");
});

test("a web server that only wants a key is not taken for it", async () => {
  const { server } = await aServer({ otherwise: page(401, { error: "Unauthorized" }) });
  expect(await recognise(server)).toBeUndefined();
});
