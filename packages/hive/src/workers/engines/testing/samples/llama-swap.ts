import { but, models, type Page, type Pages, page, type Samples } from "../sample.ts";

const running = (state: string): Page =>
  page(200, {
    running: [{ model: "q", state, cmd: "...", proxy: "http://127.0.0.1:5800", ttl: 0, name: "", description: "" }],
  });

export const READY: Pages = {
  otherwise: page(404, "404 page not found"),
  "/health": page(200, "OK"),
  "/running": running("ready"),
  "/api/version": page(200, { version: "v170" }),
  "/v1/models": models(
    { id: "q", object: "model", created: 1_760_000_000, owned_by: "llama-swap", status: { value: "loaded" } },
    { id: "big", object: "model", created: 1_760_000_000, owned_by: "llama-swap", status: { value: "unloaded" } },
  ),
};
/** It starts the one that was asked for. */
export const STARTING: Pages = but(READY, { "/running": running("starting") });

const failure = {
  src: "llama-swap",
  error: { message: "unauthorized", type: "authentication_error", param: null, code: 401 },
};

export const llamaSwapSamples: Samples = {
  engine: "llama-swap",
  source: "mostlygeek/llama-swap 0bdb3720 proxy/server handlers; values constructed",
  ready: {
    pages: READY,
    probe: {
      state: "ready",
      models: [
        { id: "q", loaded: true },
        { id: "big", loaded: false },
      ],
      ...{ slots_total: null, slots_busy: null, queue_depth: null, kv_cache_percent: null, version: "v170" },
    },
  },
  broken: { pages: but(READY, { "/running": page(500, failure) }), probe: { state: "broken" } },
  locked: {
    pages: {
      otherwise: page(401, failure, { "www-authenticate": 'Basic realm="llama-swap"' }),
      "/health": page(200, "OK"),
    },
    probe: { state: "locked", models: [] },
  },
};
