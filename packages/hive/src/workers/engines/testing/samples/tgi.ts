import { but, models, type Pages, page, type Samples } from "../sample.ts";

export const metrics = (running: number, waiting: number): string => `# TYPE tgi_queue_size gauge
tgi_queue_size ${waiting}
# TYPE tgi_batch_current_size gauge
tgi_batch_current_size ${running}
# TYPE tgi_batch_current_max_tokens gauge
tgi_batch_current_max_tokens ${running * 1_024}
# TYPE tgi_batch_max_total_tokens gauge
tgi_batch_max_total_tokens 4096
# TYPE tgi_request_failure counter
tgi_request_failure{err="overloaded"} 1
`;

const MODEL = "meta-llama/Llama-3.1-8B-Instruct";

export const READY: Pages = {
  otherwise: page(404, ""),
  "/": page(200, ""),
  "/health": page(200, ""),
  "/info": page(200, {
    ...{
      model_id: MODEL,
      model_sha: "0e9e39f249a16976918f6564b8830bc894c89659",
      model_pipeline_tag: "text-generation",
    },
    ...{ max_concurrent_requests: 4, max_best_of: 2, max_stop_sequences: 4, max_input_tokens: 4_095 },
    ...{ max_total_tokens: 4_096, validation_workers: 2, max_client_batch_size: 4, router: "text-generation-router" },
    ...{ version: "3.3.7", sha: null, docker_label: null },
  }),
  "/v1/models": models({ id: MODEL, object: "model", created: 0, owned_by: MODEL }),
  "/metrics": page(200, metrics(2, 0)),
};

export const tgiSamples: Samples = {
  engine: "tgi",
  source:
    "huggingface/text-generation-inference db931fcf router/src/server.rs, docs/source/reference/metrics.md; values of metrics constructed",
  ready: {
    pages: READY,
    probe: {
      ...{ state: "ready", models: [{ id: MODEL, loaded: true, context_tokens: 4_096 }], version: "3.3.7" },
      ...{ slots_total: 4, slots_busy: 2, queue_depth: 0, kv_cache_percent: 50 },
    },
  },
  busy: {
    pages: but(READY, { "/metrics": page(200, metrics(3, 5)) }),
    probe: { state: "ready", slots_total: 4, slots_busy: 3, queue_depth: 5, kv_cache_percent: 75 },
  },
  broken: {
    pages: but(READY, { "/health": page(503, { error: "unhealthy", error_type: "healthcheck" }) }),
    probe: { state: "broken", version: "3.3.7" },
  },
};
