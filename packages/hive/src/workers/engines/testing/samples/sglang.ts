import { but, models, type Pages, page, type Samples } from "../sample.ts";

const NAMED = { server: "uvicorn" };

const rank = (running: number, waiting: number) => ({
  ...{ dp_rank: 0, timestamp: 1_787_220_000, num_running_reqs: running, num_waiting_reqs: waiting },
  ...{ num_used_tokens: 12_385, num_total_tokens: 14_000, max_total_num_tokens: 442_000, token_usage: 0.25 },
  ...{ gen_throughput: 86.5, cache_hit_rate: 0.4, utilization: 0.03, max_running_requests: 4 },
});
export const loads = (...ranks: readonly object[]): object => ({
  ...{ timestamp: "2026-08-20T10:00:00.000000+00:00", version: "0.5.15", accelerator: "NVIDIA H200" },
  ...{ num_accelerators: 1, loads: ranks },
});

export const READY: Pages = {
  otherwise: page(404, { detail: "Not Found" }, NAMED),
  "/get_model_info": page(
    200,
    {
      ...{ model_path: "meta-llama/Llama-3.1-8B-Instruct", tokenizer_path: "meta-llama/Llama-3.1-8B-Instruct" },
      ...{ is_generation: true, preferred_sampling_params: null, weight_version: "default" },
    },
    NAMED,
  ),
  "/v1/models": models({
    ...{ id: "meta-llama/Llama-3.1-8B-Instruct", object: "model", created: 1_760_000_000, owned_by: "sglang" },
    ...{ root: "meta-llama/Llama-3.1-8B-Instruct", max_model_len: 131_072 },
  }),
  "/v1/loads": page(200, loads(rank(0, 0)), NAMED),
};

export const sglangSamples: Samples = {
  engine: "sglang",
  source:
    "sgl-project/sglang http_server.py 9c0549b7, v1_loads.py 0564b521 (names of fields; values constructed), docs production_metrics",
  ready: {
    pages: READY,
    probe: {
      state: "ready",
      models: [{ id: "meta-llama/Llama-3.1-8B-Instruct", loaded: true, context_tokens: 131_072 }],
      ...{ slots_total: 4, slots_busy: 0, queue_depth: 0, kv_cache_percent: 25, version: "0.5.15" },
    },
  },
  busy: {
    pages: but(READY, { "/v1/loads": page(200, loads(rank(3, 1)), NAMED) }),
    probe: { state: "ready", slots_total: 4, slots_busy: 3, queue_depth: 1 },
  },
  broken: {
    pages: but(READY, { "/v1/models": page(500, "Internal Server Error", NAMED) }),
    probe: { state: "broken" },
  },
  locked: {
    pages: {
      otherwise: page(401, { error: "Unauthorized" }, NAMED),
      "/health": page(200, "", NAMED),
      "/metrics": page(404, { detail: "Not Found" }, NAMED),
    },
    probe: { state: "locked", models: [], slots_busy: null },
  },
};
