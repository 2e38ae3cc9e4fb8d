import { but, models, type Pages, page, type Samples } from "../sample.ts";

export const READY: Pages = {
  otherwise: page(404, { error: { code: 404, message: "Not Found", type: "" } }),
  "/.well-known/localai.json": page(200, {
    version: "v3.5.0 (82c191af)",
    endpoints: { models: "/v1/models", chat_completions: "/v1/chat/completions" },
  }),
  "/healthz": page(200, ""),
  "/readyz": page(200, ""),
  "/version": page(200, { version: "v3.5.0 (82c191af)" }),
  "/system": page(200, { backends: ["llama-cpp"], loaded_models: [{ id: "gemma", backend: "llama-cpp" }] }),
  "/v1/models": models({ id: "gemma", object: "model" }, { id: "whisper-1", object: "model" }),
  // It is taken for Ollama by whoever asks for that first.
  "/api/version": page(200, { version: "0.9.0" }),
  "/api/tags": page(200, { models: [{ name: "gemma", model: "gemma" }] }),
  "/api/ps": page(200, { models: [] }),
};

export const localAiSamples: Samples = {
  engine: "localai",
  source: "mudler/LocalAI 82c191af core/http/app.go, routes, endpoints; values constructed",
  ready: {
    pages: READY,
    probe: {
      state: "ready",
      models: [
        { id: "gemma", loaded: true },
        { id: "whisper-1", loaded: false },
      ],
      version: "v3.5.0 (82c191af)",
      ...{ slots_total: null, slots_busy: null, queue_depth: null, kv_cache_percent: null },
    },
  },
  loading: {
    pages: but(READY, { "/readyz": page(503, { status: "starting", reason: "startup preload in progress" }) }),
    probe: { state: "loading", version: "v3.5.0 (82c191af)" },
  },
  broken: { pages: but(READY, { "/readyz": page(500, "") }), probe: { state: "broken" } },
  locked: {
    pages: but(READY, {
      "/v1/models": page(401, { error: { code: 401, message: "An authentication key is required", type: "" } }),
      "/system": page(401, { error: { code: 401, message: "An authentication key is required", type: "" } }),
    }),
    probe: { state: "locked", models: [] },
  },
};
