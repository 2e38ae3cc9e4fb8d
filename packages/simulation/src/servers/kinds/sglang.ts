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
  text,
} from "../kind.ts";
import { SGLANG_GENERATE } from "../native.ts";
import { prometheus, pythonFloat } from "../prometheus.ts";

/** Flat, as most of its OpenAI routes fail. */
const fail = (status: number, message: string): Reply =>
  json(status, {
    ...{ object: "error", message, type: status === 400 ? "BadRequestError" : "InternalServerError" },
    ...{ param: null, code: status },
  });

/** `max_total_num_tokens`: tokens that the memory for the cache holds. */
const CACHE_TOKENS = 442_000;
/** A health check generates a token, and that takes a second or more. */
const HEALTH_MS = 1_000;

/** Source: sgl-project/sglang http_server.py 9c0549b7, 0025436e; v1_loads.py 0564b521. Values are constructed. */
export const sglang: Kind = {
  ...{ headers: { server: "uvicorn" }, slots: 2_048, queueMax: QUEUE_MAX, silentWhileLoading: true },
  late: { "/health": HEALTH_MS, "/health_generate": HEALTH_MS },
  get: {
    "/health": health,
    "/health_generate": health,
    "/ping": () => EMPTY,
    "/model_info": modelInfo,
    "/get_model_info": modelInfo,
    "/server_info": serverInfo,
    "/get_server_info": serverInfo,
    "/v1/models": ({ models }) =>
      json(200, {
        object: "list",
        data: models.map((id) => ({
          ...{ id, object: "model", created: CREATED_S, owned_by: "sglang", root: id, max_model_len: CONTEXT_TOKENS },
        })),
      }),
    "/v1/loads": loads,
    "/get_load": ({ running, queued, kv }) =>
      json(200, [
        {
          ...{ dp_rank: 0, num_reqs: running + queued, num_waiting_reqs: queued },
          ...{ num_tokens: Math.round(kv * CACHE_TOKENS), ts_tic: 12.5 },
        },
      ]),
    "/metrics": metrics,
  },
  inference: {
    ...openai("chat/completions", "completions", "embeddings", "rerank", "responses"),
    "/generate": SGLANG_GENERATE,
  },
  locks: (path) => !path.startsWith("/health") && !path.startsWith("/metrics"),
  unauthorized: json(401, { error: "Unauthorized" }),
  notFound: () => json(404, { detail: "Not Found" }),
  overloaded: fail(503, "The request queue is full."),
  fail,
};

function health({ state }: Situation): Reply {
  return state === "broken" ? { status: 503 } : EMPTY;
}

function modelInfo({ models: [model = ""] }: Situation): Reply {
  return json(200, {
    ...{ model_path: model, tokenizer_path: model, is_generation: true },
    ...{ preferred_sampling_params: null, weight_version: "default" },
  });
}

function serverInfo({ models: [model = ""], slots }: Situation): Reply {
  return json(200, {
    ...{ model_path: model, context_length: CONTEXT_TOKENS, max_running_requests: slots, version: "0.5.15" },
    ...{ max_total_num_tokens: CACHE_TOKENS, internal_states: [{}] },
  });
}

const SECTIONS = ["core", "memory", "spec", "lora", "disagg", "queues", "all"];

/** The current form, which has no `aggregate`. */
function loads({ running, queued, kv, slots, now_s }: Situation, query: URLSearchParams): Reply {
  const sections = (query.get("include") ?? "all").split(",");
  const strange = sections.find((section) => !SECTIONS.includes(section));
  if (strange !== undefined) return text(400, `Invalid section: ${strange}`);
  const has = (section: string) => sections.includes(section) || sections.includes("all");
  const used = Math.round(kv * CACHE_TOKENS);
  return json(200, {
    ...{ timestamp: new Date(now_s * 1_000).toISOString(), version: "0.5.15" },
    ...{ accelerator: "NVIDIA H200", num_accelerators: 1 },
    loads: [
      {
        ...{ dp_rank: 0, timestamp: now_s, num_running_reqs: running, num_waiting_reqs: queued },
        ...{ num_used_tokens: used, num_total_tokens: used, max_total_num_tokens: CACHE_TOKENS, token_usage: kv },
        ...{ gen_throughput: 0, cache_hit_rate: 0, utilization: running / slots, max_running_requests: slots },
        ...(has("memory") && {
          memory: { weight_gb: 4.6, kv_cache_gb: 20, graph_gb: 0.5, token_capacity: CACHE_TOKENS },
        }),
        ...(has("queues") && { queues: { waiting: queued, grammar: 0, paused: 0, retracted: 0 } }),
      },
    ],
  });
}

/** Names and help: the documentation's production_metrics; off without --enable-metrics. */
function metrics({ models: [model_name = ""], running, queued, kv }: Situation): Reply {
  const one = (name: string, help: string, value: number) => ({
    ...{ name: `sglang:${name}`, type: "gauge" as const, help, labels: { model_name }, value: pythonFloat(value) },
  });
  return prometheus([
    one("num_running_reqs", "The number of running requests", running),
    one("num_used_tokens", "The number of used tokens", Math.round(kv * CACHE_TOKENS)),
    one("token_usage", "The token usage", kv),
    one("gen_throughput", "The generate throughput (token/s)", 0),
    one("num_queue_reqs", "The number of requests in the waiting queue", queued),
  ]);
}
