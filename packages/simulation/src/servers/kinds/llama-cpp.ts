import { CONTEXT_TOKENS, json, type Kind, openai, type Reply, SIZE_BYTES, type Situation } from "../kind.ts";
import { prometheus, type Series } from "../prometheus.ts";

/** As @hive-registry/worker words its failures. */
const failure = (status: number, type: string, code: string, message: string): Reply =>
  json(status, { error: { message, type, param: null, code } });

const fail = (status: number, message: string): Reply =>
  status < 500
    ? failure(status, "invalid_request_error", status === 413 ? "body_too_large" : "invalid_request", message)
    : failure(status, "server_error", "internal_error", message);

/** Seconds after which it says to try again. */
const later = (reply: Reply, seconds: number): Reply => ({
  ...reply,
  headers: { "retry-after": String(seconds), "x-should-retry": "true" },
});

/** This project's own worker, @hive-registry/worker. */
export const llamaCpp: Kind = {
  ...{ slots: 4, queueMax: 64 },
  gate: ({ state }, path) =>
    state === "loading" && (path === "/health" || path.startsWith("/v1/"))
      ? later(failure(503, "unavailable_error", "loading", "Loading model"), 2)
      : undefined,
  get: {
    "/health": ({ models: [model], slots, running, queued }) =>
      json(200, {
        ...{ status: "ok", model, slots_total: slots, slots_busy: running, queue_depth: queued },
        slots_idle: slots - running,
      }),
    "/v1/models": ({ models, started_at_s: created }) =>
      json(200, {
        object: "list",
        data: models.map((id) => ({
          ...{ id, object: "model", created, owned_by: "hive-worker" },
          meta: {
            n_ctx_train: 131_072,
            n_ctx: CONTEXT_TOKENS,
            n_params: 8_030_261_312,
            size: SIZE_BYTES,
            backend: "cpu",
          },
        })),
      }),
    "/metrics": metrics,
  },
  inference: openai("chat/completions", "completions", "embeddings"),
  takesApiKeyHeader: true,
  locks: (path) => path !== "/health",
  unauthorized: {
    ...failure(
      ...([401, "authentication_error", "invalid_api_key"] as const),
      "this worker wants its API key: authorization: Bearer KEY",
    ),
    headers: { "www-authenticate": "Bearer" },
  },
  notFound: (method, path) =>
    failure(404, "invalid_request_error", "route_not_found", `there is no route ${method} ${path}`),
  overloaded: later(
    failure(503, "unavailable_error", "queue_full", "all slots are busy and too many requests wait"),
    1,
  ),
  unknownModel: (model) =>
    json(404, {
      error: {
        ...{ message: `this worker does not serve ${model}`, type: "invalid_request_error" },
        ...{ param: "model", code: "model_not_found" },
      },
    }),
  fail,
};

function metrics({ state, slots, running, queued, prompt_tokens, answer_tokens }: Situation): Reply {
  const one = (name: string, type: Series["type"], help: string, value: number): Series => ({
    ...{ name: `hive_registry_worker_${name}`, type, help, value: String(value) },
  });
  return prometheus([
    one("prompt_tokens_total", "counter", "Prompt tokens of answered requests, cached ones too.", prompt_tokens),
    one("completion_tokens_total", "counter", "Generated tokens.", answer_tokens),
    one("slots", "gauge", "Requests that can be computed at once.", slots),
    one("slots_busy", "gauge", "Slots that compute now.", running),
    one("queue_depth", "gauge", "Requests that wait for a slot.", queued),
    one("ready", "gauge", "1 once the model is loaded and work is taken.", state === "loading" ? 0 : 1),
  ]);
}
