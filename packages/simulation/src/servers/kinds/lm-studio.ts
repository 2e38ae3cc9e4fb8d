import type { Body } from "../../fleet/dialects.ts";
import {
  CHAT,
  CONTEXT_TOKENS,
  type Deed,
  json,
  type Kind,
  openai,
  QUEUE_MAX,
  type Reply,
  SIZE_BYTES,
  type Situation,
} from "../kind.ts";

const fail = (status: number, message: string): Reply =>
  json(status, { error: { message, type: "invalid_request_error", param: null, code: null } });

/** Source: lmstudio-ai/docs c6854fba. It is closed: what its documents do not show is constructed. */
export const lmStudio: Kind = {
  // `parallel` of version 0.4. Models that a request names are loaded beside each other here; its own limit is memory.
  ...{ headers: { "x-powered-by": "Express" }, slots: 4, queueMax: QUEUE_MAX, onDemand: "adds", sleeps: true },
  get: {
    "/v1/models": ({ models }) =>
      json(200, {
        data: models.map((id) => ({ id, object: "model", owned_by: "organization_owner" })),
        object: "list",
      }),
    "/api/v0/models": ({ models, loaded }) =>
      json(200, {
        object: "list",
        data: models.map((id) => ({
          ...{ id, object: "model", type: "llm", publisher: "lmstudio-community", arch: "llama" },
          ...{ compatibility_type: "gguf", quantization: "Q4_K_M", max_context_length: 131_072 },
          state: loaded.includes(id) ? "loaded" : "not-loaded",
          ...(loaded.includes(id) && { loaded_context_length: CONTEXT_TOKENS }),
        })),
      }),
    "/api/v1/models": ({ models, loaded, slots }) =>
      json(200, {
        models: models.map((key) => ({
          ...{ type: "llm", publisher: "lmstudio-community", key, display_name: key, architecture: "llama" },
          ...{ quantization: { name: "Q4_K_M", bits_per_weight: 4 }, size_bytes: SIZE_BYTES, params_string: "8B" },
          loaded_instances: loaded.includes(key) ? [{ id: key, config: { ...LOADED, parallel: slots } }] : [],
          ...{
            max_context_length: 131_072,
            format: "gguf",
            capabilities: { vision: false, trained_for_tool_use: true },
          },
        })),
      }),
  },
  inference: {
    ...openai("chat/completions", "completions", "embeddings", "responses", "messages"),
    "/api/v0/chat/completions": CHAT,
  },
  post: { "/api/v1/models/load": load, "/api/v1/models/unload": unload },
  locks: () => true,
  unauthorized: json(401, {
    error: {
      message: "Invalid LM Studio API token",
      type: "invalid_request_error",
      param: null,
      code: "invalid_api_key",
    },
  }),
  // Whatever it does not know it answers with 200: lmstudio-ai/lmstudio-bug-tracker issues #618 and #1323.
  notFound: (method, path) => json(200, { error: `Unexpected endpoint or method. (${method} ${path})` }),
  overloaded: fail(503, "Too many requests wait"),
  unknownModel: (model) => fail(404, `Model "${model}" not found`),
  fail,
};

const LOADED = {
  ...{ context_length: CONTEXT_TOKENS, eval_batch_size: 512, flash_attention: true, num_experts: 0 },
  offload_kv_cache_to_gpu: true,
};

function load({ model }: Body, { loaded, slots }: Situation): Deed {
  const load_config = { ...LOADED, parallel: slots };
  return {
    reply: json(200, { type: "llm", instance_id: model, load_time_seconds: 9.099, status: "loaded", load_config }),
    order: { loaded: [...loaded.filter((one) => one !== model), String(model)] },
  };
}

function unload({ instance_id }: Body, { loaded }: Situation): Deed {
  return { reply: json(200, { instance_id }), order: { loaded: loaded.filter((one) => one !== instance_id) } };
}
