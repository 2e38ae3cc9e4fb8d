import { EMPTY, json, type Kind, openai, type Reply, type Situation } from "../kind.ts";
import { TGI_GENERATE, TGI_GENERATE_STREAM } from "../native.ts";
import { prometheus, type Series } from "../prometheus.ts";

const ERROR_TYPES: Readonly<Record<number, string>> = { 413: "validation", 422: "validation", 429: "overloaded" };

/** Its `error` is a text, not an object. What is wrong with a request is 422. */
const fail = (status: number, error: string): Reply => {
  const said = status === 400 ? 422 : status === 500 ? 424 : status;
  return json(said, { error, error_type: ERROR_TYPES[said] ?? "generation" });
};

/** Tokens that fit into a batch, `tgi_batch_max_total_tokens`. */
const BATCH_TOKENS = 65_536;

/**
 * Source: huggingface/text-generation-inference db931fcf router/src/server.rs, router/src/lib.rs. Values are constructed.
 * `max_concurrent_requests` bounds those that run and those that wait together: 128 unless something else is asked for.
 */
export const tgi: Kind = {
  ...{ slots: 64, queueMax: 64, silentWhileLoading: true },
  get: {
    "/": health,
    "/health": health,
    "/ping": health,
    "/info": info,
    "/v1/models": ({ models }) =>
      json(200, {
        object: "list",
        data: models.slice(0, 1).map((id) => ({ id, object: "model", created: 0, owned_by: id })),
      }),
    "/metrics": metrics,
  },
  inference: {
    ...openai("chat/completions", "completions"),
    ...{ "/generate": TGI_GENERATE, "/generate_stream": TGI_GENERATE_STREAM },
  },
  comment: ":\n\n",
  locks: (path) => path.startsWith("/generate") || (path.startsWith("/v1/") && path !== "/v1/models"),
  unauthorized: { status: 401 },
  notFound: () => ({ status: 404 }),
  overloaded: fail(429, "Model is overloaded"),
  fail,
};

function health({ state }: Situation): Reply {
  return state === "broken" ? json(503, { error: "unhealthy", error_type: "healthcheck" }) : EMPTY;
}

function info({ models: [model_id = ""], slots, queue_max }: Situation): Reply {
  return json(200, {
    ...{ model_id, model_sha: "0a1b2c3d", model_pipeline_tag: "text-generation" },
    ...{ max_concurrent_requests: slots + queue_max, max_best_of: 2, max_stop_sequences: 4 },
    ...{ max_input_tokens: 4_095, max_total_tokens: 4_096, validation_workers: 2, max_client_batch_size: 4 },
    ...{ router: "text-generation-router", version: "3.3.7", sha: null, docker_label: null },
  });
}

/** Source of names: docs/source/reference/metrics.md db931fcf. Its gauges are absent until there was a request. */
function metrics({ running, queued, kv, answered, overloaded }: Situation): Reply {
  const one = (name: string, type: Series["type"], value: number, labels: Series["labels"] = {}): Series => ({
    ...{ name: `tgi_${name}`, type, value: String(value), labels },
  });
  const isFresh = running + queued + answered + overloaded === 0 && kv === 0;
  if (isFresh) return prometheus([]);
  return prometheus([
    one("queue_size", "gauge", queued),
    one("batch_current_size", "gauge", running),
    one("batch_current_max_tokens", "gauge", Math.round(kv * BATCH_TOKENS)),
    one("batch_max_total_tokens", "gauge", BATCH_TOKENS),
    one("request_count", "counter", answered + overloaded),
    one("request_success", "counter", answered),
    one("request_failure", "counter", overloaded, { err: "overloaded" }),
  ]);
}
