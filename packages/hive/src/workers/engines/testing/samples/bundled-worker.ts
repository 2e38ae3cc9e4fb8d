import { but, models, type Page, type Pages, page, type Samples } from "../sample.ts";

const failure = (status: number, type: string, code: string, message: string): Page =>
  page(status, { error: { message, type, param: null, code } });
const health = (slots_busy: number, queue_depth: number): Page =>
  page(200, {
    ...{ status: "ok", model: "demo", slots_total: 4, slots_busy, queue_depth },
    slots_idle: 4 - slots_busy,
  });

export const READY: Pages = {
  otherwise: failure(404, "invalid_request_error", "route_not_found", "there is no route GET /somewhere"),
  "/health": health(0, 0),
  "/v1/models": models({
    ...{ id: "demo", object: "model", created: 1_760_000_000, owned_by: "hive-worker" },
    meta: { n_ctx_train: 4_096, n_ctx: 2_048, size: 1_234_567, backend: "cpu" },
  }),
  "/metrics": page(200, "hive_registry_worker_slots 4\nhive_registry_worker_slots_busy 0\n"),
};
const LOADING = failure(503, "unavailable_error", "loading", "Loading model");

export const bundledWorkerSamples: Samples = {
  engine: "llama-cpp",
  source: "packages/worker/src/http/server.ts, errors.ts; values constructed",
  ready: {
    pages: READY,
    probe: {
      state: "ready",
      models: [{ id: "demo", loaded: true, context_tokens: 2_048, size_bytes: 1_234_567 }],
      ...{ slots_total: 4, slots_busy: 0, queue_depth: 0, kv_cache_percent: null, version: null },
    },
  },
  loading: {
    pages: but(READY, { "/health": LOADING, "/v1/models": LOADING }),
    probe: { state: "loading", slots_busy: null },
  },
  busy: {
    pages: but(READY, { "/health": health(3, 1) }),
    probe: { state: "ready", slots_total: 4, slots_busy: 3, queue_depth: 1 },
  },
  broken: {
    pages: but(READY, {
      "/health": failure(503, "unavailable_error", "draining", "this worker is stopping and takes no new work"),
      "/v1/models": failure(503, "unavailable_error", "draining", "this worker is stopping and takes no new work"),
    }),
    probe: { state: "broken" },
  },
  locked: {
    pages: {
      otherwise: failure(401, "authentication_error", "invalid_api_key", "this worker wants its API key"),
      "/health": health(1, 0),
    },
    probe: { state: "locked", models: [], slots_total: 4, slots_busy: 1 },
  },
};
