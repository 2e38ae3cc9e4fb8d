import { but, models, type Page, type Pages, page, type Samples } from "../sample.ts";

const failure = (code: number, type: string, message: string): Page =>
  page(code, { error: { message, type, code } }, NAMED);
const NAMED = { server: "llama.cpp" };

const SLOT = {
  ...{ id: 0, id_task: 135, n_ctx: 65_536, speculative: false, is_processing: true, params: { n_predict: -1 } },
  next_token: { has_next_token: true, has_new_line: true, n_remain: -1, n_decoded: 136 },
};
const FREE_SLOT = {
  ...{ id: 3, id_task: 0, n_ctx: 65_536, speculative: false, is_processing: false, params: {} },
  next_token: { has_next_token: false, has_new_line: false, n_remain: -1, n_decoded: 0 },
};
/** Three of four slots are taken. */
export const SLOTS: Page = page(200, [SLOT, { ...SLOT, id: 1 }, { ...SLOT, id: 2 }, FREE_SLOT], NAMED);

export const PROPS = {
  default_generation_settings: { n_ctx: 8_192, params: { n_predict: -1, temperature: 0.8 } },
  ...{ total_slots: 4, model_path: "/models/q.gguf", chat_template: "..." },
  modalities: { vision: false, audio: false },
  ...{ build_info: "b9478-23e6dab8", is_sleeping: false },
};

const metrics = (
  running: string,
  waiting: string,
): string => `# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 3.21457e+06
# HELP llamacpp:prompt_tokens_seconds Average prompt throughput in tokens/s.
# TYPE llamacpp:prompt_tokens_seconds gauge
llamacpp:prompt_tokens_seconds 939.302
# HELP llamacpp:predicted_tokens_seconds Average generation throughput in tokens/s.
# TYPE llamacpp:predicted_tokens_seconds gauge
llamacpp:predicted_tokens_seconds 34.3328
# HELP llamacpp:requests_processing Number of requests processing
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing ${running}
# HELP llamacpp:requests_deferred Number of requests deferred.
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred ${waiting}
`;

export const READY: Pages = {
  otherwise: failure(404, "not_found_error", "File Not Found"),
  "/": page(200, "<!doctype html><title>llama.cpp</title>", NAMED),
  "/health": page(200, { status: "ok" }, NAMED),
  "/props": page(200, PROPS, NAMED),
  "/v1/models": {
    ...models({
      ...{ id: "../models/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", aliases: [], tags: [], object: "model" },
      architecture: { input_modalities: ["text"], output_modalities: ["text"] },
      ...{ created: 1_735_142_223, owned_by: "llamacpp" },
      meta: {
        ...{ vocab_type: 2, n_vocab: 128_256, n_ctx_train: 131_072, n_embd: 4_096 },
        ...{ n_params: 8_030_261_312, size: 4_912_898_304 },
      },
    }),
    headers: NAMED,
  },
  "/slots": SLOTS,
  "/metrics": page(200, metrics("1", "0"), NAMED),
};

const MODEL = {
  ...{ id: "../models/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", loaded: true },
  ...{ context_tokens: 8_192, size_bytes: 4_912_898_304 },
};

/** What it says with its metrics switched off, as they are unless asked for. */
export const NO_METRICS: Page = failure(
  501,
  "not_supported_error",
  "This server does not support metrics endpoint. Start it with `--metrics`",
);

export const llamaServerSamples: Samples = {
  engine: "llama-server",
  source:
    "ggml-org/llama.cpp tools/server/README.md 00dc8057 (model list, slots, names of metrics), server.cpp 00dd0816 (errors), " +
    "server-context.cpp 001d906a (fields of /props; values constructed)",
  ready: {
    pages: READY,
    probe: {
      ...{ state: "ready", models: [MODEL], slots_total: 4, slots_busy: 1, queue_depth: 0 },
      ...{ kv_cache_percent: null, version: "b9478-23e6dab8" },
    },
  },
  loading: {
    pages: { otherwise: failure(503, "unavailable_error", "Loading model") },
    probe: { state: "loading", models: [], slots_busy: null, queue_depth: null },
  },
  busy: {
    pages: but(READY, { "/metrics": page(200, metrics("3", "2"), NAMED) }),
    probe: { state: "ready", slots_total: 4, slots_busy: 3, queue_depth: 2 },
  },
  broken: {
    pages: but(READY, { "/health": page(500, { status: "error" }, NAMED) }),
    probe: { state: "broken" },
  },
  locked: {
    pages: but(READY, {
      "/props": failure(401, "authentication_error", "Invalid API Key"),
      "/slots": failure(401, "authentication_error", "Invalid API Key"),
      "/metrics": failure(401, "authentication_error", "Invalid API Key"),
    }),
    probe: { state: "locked", slots_total: null, slots_busy: null },
  },
};
