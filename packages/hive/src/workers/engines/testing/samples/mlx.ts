import { models, type Pages, page, type Samples } from "../sample.ts";

export const NAMED = { server: "BaseHTTP/0.6 Python/3.12.4" };

export const listed = (...ids: readonly string[]) => ({
  ...models(...ids.map((id) => ({ id, object: "model", created: 1_760_000_000 }))),
  headers: NAMED,
});

export const READY: Pages = {
  otherwise: page(404, "Not Found", NAMED),
  "/health": page(200, { status: "ok" }, NAMED),
  "/v1/models": listed("mlx-community/X-4bit"),
};

export const mlxSamples: Samples = {
  engine: "mlx",
  source: "ml-explore/mlx-lm d78bf58e mlx_lm/server.py",
  ready: {
    pages: READY,
    probe: {
      ...{ state: "ready", models: [{ id: "mlx-community/X-4bit", loaded: true }], version: null },
      ...{ slots_total: null, slots_busy: null, queue_depth: null, kv_cache_percent: null },
    },
  },
};
