import { but, models, type Pages, page, type Samples } from "../sample.ts";

const LOADED = {
  ...{ type: "llm", publisher: "google", key: "google/gemma-3-4b", display_name: "Gemma 3 4B", architecture: "gemma3" },
  ...{ quantization: { name: "Q4_K_M", bits_per_weight: 4 }, size_bytes: 3_341_000_000, params_string: "4B" },
  loaded_instances: [
    {
      id: "google/gemma-3-4b",
      config: {
        ...{ context_length: 4_096, eval_batch_size: 512, parallel: 4, flash_attention: true, num_experts: 0 },
        offload_kv_cache_to_gpu: true,
      },
    },
  ],
  ...{ max_context_length: 131_072, format: "gguf", capabilities: { vision: true, trained_for_tool_use: false } },
};
const RESTING = { ...LOADED, key: "qwen2-vl-7b-instruct", loaded_instances: [], max_context_length: 32_768 };

/** `/api/v0/models`, since 0.3.6. */
export const OLD_LIST = models(
  {
    ...{ id: "qwen2-vl-7b-instruct", object: "model", type: "vlm", publisher: "mlx-community", arch: "qwen2_vl" },
    ...{ compatibility_type: "mlx", quantization: "4bit", state: "not-loaded", max_context_length: 32_768 },
  },
  {
    ...{ id: "google/gemma-3-4b", object: "model", type: "llm", publisher: "google", arch: "gemma3" },
    ...{ compatibility_type: "gguf", quantization: "Q4_K_M", state: "loaded", max_context_length: 131_072 },
    loaded_context_length: 4_096,
  },
);

/** It knows no such path, and says so with a good status. */
export const UNEXPECTED = page(200, { error: "Unexpected endpoint or method. (GET /somewhere)" });

export const READY: Pages = {
  otherwise: UNEXPECTED,
  "/api/v0/models": OLD_LIST,
  "/api/v1/models": page(200, { models: [RESTING, LOADED] }),
  "/v1/models": models({ id: "google/gemma-3-4b", object: "model", owned_by: "organization_owner" }),
};

export const lmStudioSamples: Samples = {
  engine: "lm-studio",
  source:
    "lmstudio-ai/docs c6854fba 1_developer (closed source, not verified); the values of the newer list, the second model and " +
    "the answer to an unknown path are constructed; the refusal is of agustif/opencode-lmstudio issue #41 (LM Studio 0.4.18)",
  ready: {
    pages: READY,
    probe: {
      state: "ready",
      models: [
        { id: "google/gemma-3-4b", loaded: true, context_tokens: 4_096, size_bytes: 3_341_000_000 },
        { id: "qwen2-vl-7b-instruct", loaded: false, context_tokens: 32_768, size_bytes: 3_341_000_000 },
      ],
      ...{ slots_total: 4, slots_busy: null, queue_depth: null, kv_cache_percent: null, version: null },
    },
  },
  broken: {
    pages: but(READY, { "/api/v0/models": page(500, { error: "?" }), "/api/v1/models": page(500, { error: "?" }) }),
    probe: { state: "broken" },
  },
  locked: {
    pages: {
      otherwise: page(401, {
        error: {
          ...{ type: "invalid_request", code: "invalid_api_key" },
          message:
            "An LM Studio API token is required to make requests to this server, but none was provided using the " +
            "Authorization header using the 'Bearer' scheme (i.e., 'Authorization: Bearer $LM_API_TOKEN').",
        },
      }),
    },
    probe: { state: "locked", models: [] },
  },
};
