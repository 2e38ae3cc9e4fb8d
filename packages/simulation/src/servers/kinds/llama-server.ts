import {
  CHAT,
  CONTEXT_TOKENS,
  html,
  json,
  type Kind,
  openai,
  QUEUE_MAX,
  type Reply,
  SIZE_BYTES,
  type Situation,
} from "../kind.ts";
import { LLAMA_COMPLETION } from "../native.ts";
import { prometheus, type Series, sixDigits } from "../prometheus.ts";

/** Source: ggml-org/llama.cpp, error types of tools/server at 00dd0816. */
const TYPES: Readonly<Record<number, string>> = {
  ...{ 400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error" },
  ...{ 500: "server_error", 501: "not_supported_error", 503: "unavailable_error" },
};

const fail = (status: number, message: string): Reply =>
  json(status, { error: { message, type: TYPES[status] ?? "invalid_request_error", code: status } });

const OPEN = new Set(["/", "/health", "/v1/health", "/models", "/v1/models"]);

/** Source: ggml-org/llama.cpp tools/server 00dc8057, 00dd0816, server-context.cpp 001d906a. Values are constructed. */
export const llamaServer: Kind = {
  ...{ headers: { server: "llama.cpp" }, slots: 4, queueMax: QUEUE_MAX, sleeps: true, comment: ":\n\n" },
  gate: ({ state }) => (state === "loading" ? fail(503, "Loading model") : undefined),
  get: {
    "/": () => html("llama.cpp"),
    "/health": health,
    "/v1/health": health,
    "/models": models,
    "/v1/models": models,
    "/props": props,
    "/slots": slots,
    "/metrics": metrics,
  },
  off: {
    "/metrics": fail(501, "This server does not support metrics endpoint. Start it with `--metrics`"),
    "/slots": fail(501, "This server does not support slots endpoint. Start it with `--slots`"),
  },
  inference: {
    ...openai("chat/completions", "completions", "embeddings", "rerank", "responses", "messages"),
    ...{ "/chat/completions": CHAT, "/completion": LLAMA_COMPLETION },
  },
  takesApiKeyHeader: true,
  locks: (path) => !OPEN.has(path),
  unauthorized: fail(401, "Invalid API Key"),
  notFound: () => fail(404, "File Not Found"),
  overloaded: fail(503, "Too many requests wait"),
  fail,
};

/** The failure is that of very old builds; newer ones hang or end when they break. */
function health({ state }: Situation): Reply {
  return state === "broken" ? json(500, { status: "error" }) : json(200, { status: "ok" });
}

/** Source: tools/server/README.md 00dc8057, with the later `models` beside `data`, whose sizes are texts. */
function models({ models, now_s }: Situation): Reply {
  const meta = { ...{ vocab_type: 2, n_vocab: 128_256, n_ctx_train: 131_072, n_ctx: CONTEXT_TOKENS, n_embd: 4_096 } };
  return json(200, {
    models: models.map((name) => ({
      ...{ name, model: name, modified_at: "", size: "", digest: "", type: "model", description: "" },
      ...{ tags: [""], capabilities: ["completion"], parameters: "" },
      details: {
        parent_model: "",
        format: "gguf",
        family: "",
        families: [""],
        parameter_size: "",
        quantization_level: "",
      },
    })),
    object: "list",
    data: models.map((id) => ({
      ...{ id, aliases: [], tags: [], object: "model" },
      architecture: { input_modalities: ["text"], output_modalities: ["text"] },
      ...{ created: now_s, owned_by: "llamacpp" },
      meta: { ...meta, n_params: 8_030_261_312, size: SIZE_BYTES },
    })),
  });
}

/** Constructed from server-context.cpp 001d906a. */
function props({ state, slots, models: [model = ""] }: Situation): Reply {
  return json(200, {
    default_generation_settings: { n_ctx: CONTEXT_TOKENS, params: { n_predict: -1, temperature: 0.8 } },
    ...{ total_slots: slots, model_path: `/models/${model}.gguf`, model_alias: model, model_ftype: "Q4_K - Medium" },
    ...{ chat_template: "{{ messages }}", modalities: { vision: false, audio: false } },
    ...{ build_info: "b9478-23e6dab8", is_sleeping: state === "sleeping" },
    ...{ endpoint_slots: true, endpoint_metrics: true, endpoint_props: false },
  });
}

/** Source: tools/server/README.md 00dc8057. */
function slots({ slots: total, running }: Situation, query: URLSearchParams): Reply {
  if (query.get("fail_on_no_slot") === "1" && running >= total) return fail(503, "no slot available");
  const slot = (_: unknown, id: number) => ({
    ...{ id, id_task: id < running ? 135 + id : 0, n_ctx: CONTEXT_TOKENS, speculative: false },
    ...{ is_processing: id < running, params: { n_predict: -1 } },
    next_token: { has_next_token: id < running, has_new_line: id < running, n_remain: -1, n_decoded: 0 },
  });
  return { status: 200, body: Array.from({ length: total }, slot) };
}

/** Source of names and help: tools/server/README.md 00dc8057. */
function metrics({ running, queued, prompt_tokens, answer_tokens, started_at_s }: Situation): Reply {
  const one = (name: string, type: Series["type"], help: string, value: number): Series => ({
    ...{ name: `llamacpp:${name}`, type, help, value: sixDigits(value) },
  });
  return prometheus(
    [
      one("prompt_tokens_total", "counter", "Number of prompt tokens processed.", prompt_tokens),
      one("tokens_predicted_total", "counter", "Number of generation tokens processed.", answer_tokens),
      one("n_decode_total", "counter", "Total number of llama_decode() calls", answer_tokens),
      one("requests_processing", "gauge", "Number of requests processing", running),
      one("requests_deferred", "gauge", "Number of requests deferred.", queued),
    ],
    { "process-start-time-unix": String(started_at_s) },
  );
}
