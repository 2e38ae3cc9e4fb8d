import type { Body } from "../../fleet/dialects.ts";
import {
  CONTEXT_TOKENS,
  type Deed,
  json,
  type Kind,
  openai,
  type Reply,
  SIZE_BYTES,
  type Situation,
  text,
} from "../kind.ts";
import { OLLAMA_CHAT, OLLAMA_GENERATE } from "../native.ts";

const TYPES: Readonly<Record<number, string>> = { 400: "invalid_request_error", 404: "not_found_error" };

/** As its `/v1` routes fail; its own routes say `{"error": "…"}`. */
const fail = (status: number, message: string): Reply =>
  json(status, { error: { message, type: TYPES[status] ?? "api_error", param: null, code: null } });

/** Source: ollama/ollama fb307609 api/types.go, server/routes.go, openai/openai.go. Values are constructed. */
export const ollama: Kind = {
  // OLLAMA_NUM_PARALLEL and OLLAMA_MAX_QUEUE of envconfig/config.go.
  ...{ slots: 1, queueMax: 512, onDemand: "adds", sleeps: true },
  get: {
    "/": () => text(200, "Ollama is running"),
    "/api/version": () => json(200, { version: "0.33.0" }),
    "/api/ps": ({ loaded, now_s }) => json(200, { models: loaded.map((name) => resident(name, now_s)) }),
    "/api/tags": ({ models }) =>
      json(200, { models: models.map((name) => ({ ...known(name), modified_at: "2024-06-04T14:38:31.83753-07:00" })) }),
    "/v1/models": ({ models, started_at_s: created }) =>
      json(200, {
        object: "list",
        data: models.map((id) => ({ id, object: "model", created, owned_by: "library" })),
      }),
  },
  inference: {
    ...openai("chat/completions", "completions", "embeddings", "responses", "messages"),
    ...{ "/api/chat": OLLAMA_CHAT, "/api/generate": OLLAMA_GENERATE },
  },
  post: { "/api/generate": load, "/api/show": show },
  locks: () => false,
  unauthorized: fail(401, "unauthorized"),
  notFound: () => text(404, "404 page not found"),
  overloaded: fail(503, "server busy, please try again.  maximum pending requests exceeded"),
  isCalled: (model, name) => model === `${name}:latest`,
  unknownModel: (model) => fail(404, `model "${model}" not found, try pulling it first`),
  fail,
};

const known = (name: string): object => ({
  ...{
    name,
    model: name,
    size: SIZE_BYTES,
    digest: "2ae6f6dd7a3dd734790bbbf58b8909a606e0e7e97e94b7604e0aa7ae4490e6d8",
  },
  details: {
    ...{ parent_model: "", format: "gguf", family: "llama", families: ["llama"] },
    ...{ parameter_size: "8.0B", quantization_level: "Q4_K_M" },
  },
});

const resident = (name: string, now_s: number): object => ({
  ...known(name),
  // OLLAMA_KEEP_ALIVE of envconfig/config.go: five minutes.
  expires_at: new Date((now_s + 300) * 1_000).toISOString(),
  ...{ size_vram: SIZE_BYTES, context_length: CONTEXT_TOKENS },
});

/** Without a prompt it only loads, or with `keep_alive: 0` unloads. */
function load({ model, prompt, keep_alive }: Body, { loaded, now_s }: Situation): Deed | undefined {
  if (prompt !== undefined || typeof model !== "string") return undefined;
  const done_reason = keep_alive === 0 ? "unload" : "load";
  const others = loaded.filter((one) => one !== model);
  const created_at = new Date(now_s * 1_000).toISOString();
  return {
    reply: json(200, { model, created_at, response: "", done: true, done_reason }),
    order: { loaded: keep_alive === 0 ? others : [...others, model] },
  };
}

function show({ model }: Body): Deed {
  const { details } = known(String(model)) as { readonly details: object };
  const model_info = {
    ...{ "general.architecture": "llama", "general.parameter_count": 8_030_261_312, "llama.context_length": 131_072 },
    ...{ "llama.block_count": 32, "llama.embedding_length": 4_096, "llama.attention.head_count": 32 },
    ...{ "llama.attention.head_count_kv": 8 },
  };
  return { reply: json(200, { details, model_info, capabilities: ["completion"] }) };
}
