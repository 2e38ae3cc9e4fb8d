import {
  CONTEXT_TOKENS,
  CREATED_S,
  EMPTY,
  json,
  type Kind,
  openai,
  QUEUE_MAX,
  type Reply,
  type Situation,
} from "../kind.ts";
import { prometheus, pythonFloat, type Series } from "../prometheus.ts";

/** Source: vllm-project/vllm error_response.py ba638200. */
const TYPES: Readonly<Record<number, string>> = {
  ...{ 400: "BadRequestError", 404: "NotFoundError", 422: "UnprocessableEntityError", 501: "NotImplementedError" },
};

const fail = (status: number, message: string): Reply =>
  json(status, { error: { message, type: TYPES[status] ?? "InternalServerError", param: null, code: status } });

/** Source: vllm-project/vllm docs/usage/security.md 00b005cf. */
const LOCKED = ["/v1", "/v2", "/inference", "/cohere"];

/** Source: vllm-project/vllm health.py 98b137c6, authenticate.py baaf6e9c. Values are constructed. */
export const vllm: Kind = {
  // --max-num-seqs of the V1 engine.
  ...{ headers: { server: "uvicorn" }, slots: 256, queueMax: QUEUE_MAX, silentWhileLoading: true, sleeps: true },
  get: {
    "/health": health,
    "/ping": health,
    "/version": () => json(200, { version: "0.11.0" }),
    "/v1/models": models,
    "/metrics": metrics,
    "/load": ({ running, queued }) => json(200, { server_load: running + queued }),
    // Only in development mode, VLLM_SERVER_DEV_MODE=1.
    "/is_sleeping": ({ state }) => json(200, { is_sleeping: state === "sleeping" }),
  },
  inference: openai("chat/completions", "completions", "embeddings", "rerank", "responses", "messages"),
  post: {
    "/sleep": () => ({ reply: EMPTY, order: { state: "sleeping" } }),
    "/wake_up": () => ({ reply: EMPTY, order: { state: "ready" } }),
  },
  endsFailedStreams: true,
  locks: (path) => LOCKED.some((prefix) => path.startsWith(prefix)),
  unauthorized: json(401, { error: "Unauthorized" }),
  notFound: () => json(404, { detail: "Not Found" }),
  overloaded: fail(503, "The server is overloaded"),
  unknownModel: (model) => fail(404, `The model \`${model}\` does not exist.`),
  fail,
};

function health({ state }: Situation): Reply {
  return state === "broken" ? { status: 503 } : EMPTY;
}

/** Constructed from the protocol class. */
function models({ models, models: [root] }: Situation): Reply {
  const permission = {
    ...{ id: "modelperm-abc", object: "model_permission", created: CREATED_S, allow_create_engine: false },
    ...{ allow_sampling: true, allow_logprobs: true, allow_search_indices: false, allow_view: true },
    ...{ allow_fine_tuning: false, organization: "*", group: null, is_blocking: false },
  };
  const data = models.map((id) => ({
    ...{ id, object: "model", created: CREATED_S, owned_by: "vllm", root, parent: null },
    ...{ max_model_len: CONTEXT_TOKENS, permission: [permission] },
  }));
  return json(200, { object: "list", data });
}

/** Names and help of PRs #15458, #18354. */
function metrics({ models: [model_name = ""], running, queued, kv, prompt_tokens, answer_tokens }: Situation): Reply {
  const one = (name: string, type: Series["type"], help: string, value: number): Series => ({
    ...{ name: `vllm:${name}`, type, help, labels: { engine: "0", model_name }, value: pythonFloat(value) },
  });
  return prometheus([
    one("num_requests_running", "gauge", "Number of requests in model execution batches.", running),
    one("num_requests_waiting", "gauge", "Number of requests waiting to be processed.", queued),
    one("kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", kv),
    one("prompt_tokens_total", "counter", "Number of prefill tokens processed.", prompt_tokens),
    one("generation_tokens_total", "counter", "Number of generation tokens processed.", answer_tokens),
  ]);
}
