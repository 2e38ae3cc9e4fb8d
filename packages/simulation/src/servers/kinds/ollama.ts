import { CONTEXT_TOKENS, json, type Kind, type Reply, SIZE_BYTES, text } from "../kind.ts";

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
  inference: ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages"],
  locks: () => false,
  unauthorized: fail(401, "unauthorized"),
  notFound: text(404, "404 page not found"),
  overloaded: fail(503, "server busy, please try again.  maximum pending requests exceeded"),
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
