import { but, models, type Pages, page, type Samples } from "../sample.ts";

const NAMED = { server: "uvicorn" };

export const metrics = (
  running: string,
  waiting: string,
  kv: string,
): string => `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="qwen"} ${running}
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="qwen"} ${waiting}
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="qwen"} ${kv}
# HELP vllm:prefix_cache_queries_total Prefix cache queries, in terms of number of queried tokens.
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="qwen"} 6.4929219e+07
`;

const PERMISSION = {
  ...{ id: "modelperm-abc", object: "model_permission", created: 1_760_000_000, allow_create_engine: false },
  ...{ allow_sampling: true, allow_logprobs: true, allow_search_indices: false, allow_view: true },
  ...{ allow_fine_tuning: false, organization: "*", group: null, is_blocking: false },
};

export const READY: Pages = {
  otherwise: page(404, { detail: "Not Found" }, NAMED),
  "/health": page(200, "", NAMED),
  "/version": page(200, { version: "0.11.0" }, NAMED),
  "/v1/models": {
    ...models({
      ...{ id: "qwen", object: "model", created: 1_760_000_000, owned_by: "vllm", root: "Qwen/Qwen3-8B", parent: null },
      ...{ max_model_len: 32_768, permission: [PERMISSION] },
    }),
    headers: NAMED,
  },
  "/metrics": page(200, metrics("0.0", "0.0", "9.75010481363281e-06"), NAMED),
};

export const vllmSamples: Samples = {
  engine: "vllm",
  source:
    "vllm-project/vllm health.py 98b137c6, authenticate.py baaf6e9c; lines of metrics as captured in PRs #18354, #29330; " +
    "the model list is constructed from the protocol class",
  ready: {
    pages: READY,
    probe: {
      ...{ state: "ready", models: [{ id: "qwen", loaded: true, context_tokens: 32_768 }], version: "0.11.0" },
      ...{ slots_total: null, slots_busy: 0, queue_depth: 0, kv_cache_percent: 100 * 9.75010481363281e-6 },
    },
  },
  busy: {
    pages: but(READY, { "/metrics": page(200, metrics("3.0", "1.0", "0.25"), NAMED) }),
    probe: { state: "ready", slots_total: null, slots_busy: 3, queue_depth: 1, kv_cache_percent: 25 },
  },
  broken: { pages: but(READY, { "/health": page(503, "", NAMED) }), probe: { state: "broken", version: "0.11.0" } },
  locked: {
    pages: but(READY, { "/v1/models": page(401, { error: "Unauthorized" }, NAMED) }),
    // Its metrics are open to everybody.
    probe: { state: "locked", models: [], slots_busy: 0 },
  },
};
