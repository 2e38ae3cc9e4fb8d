import { models, type Pages, page, type Samples } from "../sample.ts";

const failure = (message: string, type: string, code: string) => ({ error: { message, type, param: null, code } });

export const READY: Pages = {
  otherwise: page(404, failure("Not found", "invalid_request_error", "not_found")),
  "/v1/models": models({ id: "some-model", object: "model", created: 1_760_000_000, owned_by: "somebody" }),
};

export const openAiCompatibleSamples: Samples = {
  engine: "openai-compatible",
  source: "openai/openai-node 7b7d6ca7 (what clients rely on in a model list, and in an error); values constructed",
  ready: {
    pages: READY,
    probe: {
      ...{ state: "ready", models: [{ id: "some-model", loaded: true }], version: null },
      ...{ slots_total: null, slots_busy: null, queue_depth: null, kv_cache_percent: null },
    },
  },
  locked: {
    pages: {
      otherwise: page(
        401,
        failure("Incorrect API key provided: sk-secret", "invalid_request_error", "invalid_api_key"),
      ),
    },
    probe: { state: "locked", models: [] },
  },
};
