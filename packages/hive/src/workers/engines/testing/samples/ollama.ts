import { but, type Pages, page, type Samples } from "../sample.ts";

const DETAILS = {
  ...{ parent_model: "", format: "gguf", family: "llama", families: ["llama"] },
  ...{ parameter_size: "7.2B", quantization_level: "Q4_0" },
};
const MISTRAL = {
  ...{ name: "mistral:latest", model: "mistral:latest", size: 5_137_025_024, details: DETAILS },
  digest: "2ae6f6dd7a3dd734790bbbf58b8909a606e0e7e97e94b7604e0aa7ae4490e6d8",
};
const QWEN = { ...MISTRAL, name: "qwen3:8b", model: "qwen3:8b", modified_at: "2026-08-01T10:00:00Z" };
const CLOUD = {
  ...QWEN,
  name: "big:cloud",
  model: "big:cloud",
  remote_model: "big",
  remote_host: "https://ollama.com",
};

const READY: Pages = {
  otherwise: page(404, "404 page not found"),
  "/": page(200, "Ollama is running"),
  "/api/version": page(200, { version: "0.5.1" }),
  "/api/ps": page(200, {
    models: [
      {
        ...{ ...MISTRAL, size_vram: 5_137_025_024, context_length: 4_096 },
        expires_at: "2024-06-04T14:38:31.83753-07:00",
      },
    ],
  }),
  "/api/tags": page(200, { models: [MISTRAL, QWEN, CLOUD] }),
  "/v1/models": page(200, {
    object: "list",
    data: [{ id: "mistral:latest", object: "model", created: 1_760_000_000, owned_by: "library" }],
  }),
};

export const ollamaSamples: Samples = {
  engine: "ollama",
  source:
    "ollama/ollama fb307609 api/types.go, server/routes.go, docs/api.md; the second and third model are constructed",
  ready: {
    pages: READY,
    probe: {
      state: "ready",
      models: [
        {
          ...{ id: "mistral:latest", aliases: ["mistral"], loaded: true, context_tokens: 4_096 },
          ...{ size_bytes: 5_137_025_024, vram_bytes: 5_137_025_024 },
        },
        { id: "qwen3:8b", loaded: false, size_bytes: 5_137_025_024 },
      ],
      ...{ slots_total: null, slots_busy: null, queue_depth: null, kv_cache_percent: null, version: "0.5.1" },
    },
  },
  broken: {
    pages: but(READY, { "/api/ps": page(500, { error: "something went wrong" }) }),
    probe: { state: "broken" },
  },
};
