import { askFirst, askSeldom } from "./kept.ts";
import { readMetrics } from "./prometheus.ts";
import { countOf, type Fields, fieldsOf, labelOf, modelList, modelOf, percentOf } from "./reading.ts";
import type { Answer, Probe, ServerEngine } from "./server-engine.ts";
import { isRefusal, jsonIn, locked, ready, textIn, troubleIn, unreadable } from "./standing.ts";

const RUNNING = "tgi_batch_current_size";
const WAITING = "tgi_queue_size";
const TOKENS_NOW = "tgi_batch_current_max_tokens";
const TOKENS_MAX = "tgi_batch_max_total_tokens";

/**
 * Hugging Face's text-generation-inference. Its port opens when the model is loaded. Gauges are absent before its first
 * request. Whether it wants a key shows only at inference, which is not tried here.
 */
export const tgi: ServerEngine = {
  name: "tgi",

  async recognises(server) {
    const info = fieldsOf(jsonIn(await server.get("/info")));
    return ("router" in info || "docker_label" in info) && typeof info.max_concurrent_requests === "number";
  },

  async probe(server) {
    const health = await askFirst(server, "/health");
    if (health === undefined) return undefined;
    const [answer, metrics] = await Promise.all([askSeldom(server, "/info"), server.get("/metrics")]);
    const info = fieldsOf(jsonIn(answer));
    const known = {
      ...loadIn(metrics),
      slots_total: countOf(info.max_concurrent_requests),
      version: labelOf(info.version),
    };
    const trouble = troubleIn("/health", health, known);
    if (trouble !== undefined) return trouble;
    if (isRefusal(answer)) return locked(known);
    if (typeof info.model_id !== "string") return unreadable("/info", known);
    return ready({ ...known, models: modelList([modelIn(info)]) });
  },
};

const modelIn = ({ model_id, max_total_tokens }: Fields) =>
  modelOf(model_id, true, { context_tokens: max_total_tokens });

function loadIn(answer: Answer | undefined): Pick<Probe, "slots_busy" | "queue_depth" | "kv_cache_percent"> {
  const metrics = readMetrics(textIn(answer), [RUNNING, WAITING, TOKENS_NOW, TOKENS_MAX]);
  const tokens = metrics?.sum(TOKENS_NOW) ?? null;
  const room = metrics?.sum(TOKENS_MAX) ?? null;
  return {
    slots_busy: countOf(metrics?.sum(RUNNING)),
    queue_depth: countOf(metrics?.sum(WAITING)),
    // What the batch may grow to, not what it holds now: never too low.
    kv_cache_percent: tokens === null || room === null ? null : percentOf(tokens / room),
  };
}
