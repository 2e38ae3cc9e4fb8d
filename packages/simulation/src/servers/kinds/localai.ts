import { html, json, type Kind, openai, QUEUE_MAX, type Reply, SIZE_BYTES } from "../kind.ts";
import { OLLAMA_CHAT, OLLAMA_GENERATE } from "../native.ts";
import { prometheus } from "../prometheus.ts";

const fail = (code: number, message: string): Reply => json(code, { error: { code, message, type: "" } });

const OPEN = new Set(["/", "/healthz", "/readyz", "/.well-known/localai.json"]);

/** Source: mudler/LocalAI 82c191af core/http/{app.go,routes,endpoints}. Values are constructed. */
export const localai: Kind = {
  ...{ slots: 4, queueMax: QUEUE_MAX, onDemand: "adds", sleeps: true },
  gate: ({ state }, path) => {
    if (state !== "loading") return undefined;
    if (path === "/readyz") return json(503, { status: "starting", reason: "startup preload in progress" });
    const isWork = path.startsWith("/v1/") && path !== "/v1/models";
    return isWork ? { ...fail(503, "the model is being loaded"), headers: { "retry-after": "2" } } : undefined;
  },
  get: {
    "/": () => html("LocalAI"),
    "/healthz": () => ({ status: 200 }),
    "/readyz": () => ({ status: 200 }),
    "/.well-known/localai.json": wellKnown,
    "/version": () => json(200, { version: "v3.5.0" }),
    "/v1/models": ({ models }) => json(200, { object: "list", data: models.map((id) => ({ id, object: "model" })) }),
    "/system": ({ loaded }) =>
      json(200, { backends: ["llama-cpp"], loaded_models: loaded.map((id) => ({ id, backend: "llama-cpp" })) }),
    "/metrics": ({ answered }) =>
      prometheus([{ name: "api_call_count", type: "counter", labels: { method: "POST" }, value: String(answered) }]),
    // What it emulates of Ollama, always; of the address `/` only when asked to.
    "/api/version": () => json(200, { version: "0.9.0" }),
    "/api/tags": ({ models }) => json(200, { models: models.map(asOllama) }),
    "/api/ps": ({ loaded }) => json(200, { models: loaded.map(asOllama) }),
  },
  inference: {
    ...openai("chat/completions", "completions", "embeddings", "rerank", "responses", "messages"),
    ...{ "/api/chat": OLLAMA_CHAT, "/api/generate": OLLAMA_GENERATE },
  },
  locks: (path) => !OPEN.has(path),
  unauthorized: json(401, { error: { code: 401, message: "An authentication key is required", type: "" } }),
  notFound: () => fail(404, "Resource not found"),
  overloaded: { ...fail(503, "Too many requests wait"), headers: { "retry-after": "1" } },
  unknownModel: (model) => fail(404, `model "${model}" not found`),
  fail,
};

/** Source: the "API Discovery" page of its documentation. */
function wellKnown(): Reply {
  const endpoints = { chat_completions: "/v1/chat/completions", models: "/v1/models", swagger: "/swagger/index.html" };
  return json(200, { version: "v3.5.0", endpoints, endpoint_groups: {}, capabilities: {} });
}

const asOllama = (name: string): object => ({
  ...{ name, model: name, modified_at: "2024-06-04T14:38:31Z", size: SIZE_BYTES, digest: "" },
  details: { format: "gguf", family: "llama", families: ["llama"], parameter_size: "", quantization_level: "" },
});
