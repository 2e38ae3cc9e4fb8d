import { but, models, type Page, type Pages, page, type Samples } from "../sample.ts";

const NAMED = { server: "ConcedoLlamaForKoboldServer" };

const perf = (idle: 0 | 1, queue: number): Page =>
  page(
    200,
    {
      ...{ last_process: 0, last_eval: 0, last_token_count: 0, last_input_count: 0, last_process_time: 0 },
      ...{ last_eval_time: 0, last_process_speed: 0, last_eval_speed: 0, last_seed: -1, last_draft_success: 0 },
      ...{ last_draft_failed: 0, total_gens: 0, stop_reason: -1, total_img_gens: 0, total_tts_gens: 0 },
      ...{ queue, idle, uptime: 120 },
    },
    NAMED,
  );

export const READY: Pages = {
  otherwise: page(404, "", NAMED),
  "/api/extra/version": page(200, { result: "KoboldCpp", version: "1.119", protected: false, llm: true }, NAMED),
  "/api/v1/model": page(200, { result: "koboldcpp/Name" }, NAMED),
  "/api/extra/true_max_context_length": page(200, { value: 8_192 }, NAMED),
  "/api/extra/perf": perf(1, 0),
  "/v1/models": models({ id: "koboldcpp/Name", object: "model", created: 1_760_000_000, owned_by: "koboldcpp" }),
  // It plays others as well.
  "/props": page(200, { default_generation_settings: { n_ctx: 8_192 }, total_slots: 1 }, NAMED),
  "/api/version": page(200, { version: "0.7.0" }, NAMED),
  "/api/tags": page(200, { models: [{ name: "koboldcpp/Name", model: "koboldcpp/Name:latest" }] }, NAMED),
};

const MODEL = { id: "koboldcpp/Name", loaded: true, context_tokens: 8_192 };

export const koboldCppSamples: Samples = {
  engine: "koboldcpp",
  source:
    "LostRuins/koboldcpp koboldcpp.py of 2026 (fields of /api/extra/perf and the concealed name; values constructed)",
  ready: {
    pages: READY,
    probe: {
      ...{ state: "ready", models: [MODEL], slots_total: 1, slots_busy: 0, queue_depth: 0 },
      ...{ kv_cache_percent: null, version: "1.119" },
    },
  },
  busy: {
    pages: but(READY, { "/api/extra/perf": perf(0, 2) }),
    probe: { state: "ready", slots_total: 1, slots_busy: 1, queue_depth: 2 },
  },
  broken: { pages: but(READY, { "/api/v1/model": page(500, "", NAMED) }), probe: { state: "broken" } },
  locked: {
    pages: but(READY, {
      "/api/extra/version": page(200, { result: "KoboldCpp", version: "1.119", protected: true, llm: true }, NAMED),
      "/api/v1/model": page(200, { result: "koboldcpp/protected-model" }, NAMED),
    }),
    probe: { state: "locked", models: [] },
  },
};
