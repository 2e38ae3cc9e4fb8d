import { html, json, type Kind, openai, QUEUE_MAX, type Reply, type Situation, text } from "../kind.ts";
import { prometheus } from "../prometheus.ts";

const fail = (status: number, message: string): Reply =>
  json(status, {
    src: "llama-swap",
    error: { message, type: status < 500 ? "invalid_request_error" : "server_error", param: null, code: null },
  });

/** The first port that it gives to a server of its own. */
const START_PORT = 5_800;

/** Source: mostlygeek/llama-swap 0bdb3720, internal/server/api.go 02e015fa. Values are constructed. */
export const llamaSwap: Kind = {
  ...{ slots: 10, queueMax: QUEUE_MAX, onDemand: "swaps", sleeps: true },
  get: {
    "/": () => ({ status: 302, headers: { location: "/ui" } }),
    "/ui": () => html("llama-swap"),
    // Says nothing of its models.
    "/health": () => text(200, "OK"),
    "/running": running,
    "/v1/models": ({ models, loaded, now_s: created }) =>
      json(200, {
        object: "list",
        data: models.map((id) => ({
          ...{ id, object: "model", created, owned_by: "llama-swap" },
          status: { value: loaded.includes(id) ? "loaded" : "unloaded" },
        })),
      }),
    "/api/version": () => json(200, { version: "180", commit: "0bdb3720", build_date: "2026-08-22T00:00:00Z" }),
    "/metrics": () => prometheus([{ name: "llamaswap_gpu_utilization_percent", type: "gauge", value: "0" }]),
  },
  inference: openai("chat/completions", "completions", "embeddings", "rerank", "responses", "messages"),
  post: { "/api/models/unload": () => ({ reply: text(200, "OK"), order: { loaded: [] } }) },
  takesApiKeyHeader: true,
  locks: (path) => path !== "/health",
  unauthorized: {
    ...fail(401, "unauthorized: invalid or missing API key"),
    headers: { "www-authenticate": 'Basic realm="llama-swap"' },
  },
  notFound: () => text(404, "404 page not found\n"),
  overloaded: fail(429, "Too many requests"),
  unknownModel: (model) => fail(404, `no router for model ${model}`),
  fail,
};

/** The servers that it started are its children, where it has some. */
function running({ loaded, waking, children }: Situation): Reply {
  const entry = (state: string) => (model: string, at: number) => {
    const proxy = children[at] ?? `http://127.0.0.1:${START_PORT + at}`;
    const cmd = `llama-server --port ${new URL(proxy).port}`;
    return { model, state, cmd, proxy, ttl: 0, name: "", description: "" };
  };
  return json(200, { running: [...loaded.map(entry("ready")), ...waking.map(entry("starting"))] });
}
