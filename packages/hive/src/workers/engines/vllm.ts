import { askFirst, askSeldom } from "./kept.ts";
import { isOwnedBy, listedModels, MODELS_PATH } from "./openai-models.ts";
import { readMetrics } from "./prometheus.ts";
import { countOf, fieldsOf, labelOf, modelList, modelOf, percentOf } from "./reading.ts";
import type { Answer, Probe, ServerEngine } from "./server-engine.ts";
import {
  broken,
  isBareRefusal,
  isOk,
  isRefusal,
  jsonIn,
  locked,
  ready,
  textIn,
  troubleIn,
  unreadable,
} from "./standing.ts";

const RUNNING = "vllm:num_requests_running";
const WAITING = "vllm:num_requests_waiting";
/** Newest first. Releases that were on their way from one to the other say the same number under both. */
const KV_SHARES = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"] as const;

/** Its port opens when the model is loaded. How many requests it runs at once (`--max-num-seqs`) it tells nobody. */
export const vllm: ServerEngine = {
  name: "vllm",

  async recognises(server) {
    const version = versionIn(await server.get("/version"));
    if (version === null) return false;
    const models = await server.get(MODELS_PATH);
    return isOwnedBy(models, "vllm") || isBareRefusal(models);
  },

  async probe(server) {
    const health = await askFirst(server, "/health");
    if (health === undefined) return undefined;
    const [models, metrics, version] = await Promise.all([
      // Adapters come and go, but not by the second.
      askSeldom(server, MODELS_PATH),
      server.get("/metrics"),
      askSeldom(server, "/version"),
    ]);
    const known = { ...loadIn(metrics), version: versionIn(version) };
    if (!isOk(health)) return broken(`Its engine is dead: it answers /health with status ${health.status}`, known);
    if (isRefusal(models)) return locked(known);
    const listed = listedModels(models);
    if (models !== undefined && listed === undefined) {
      return troubleIn(MODELS_PATH, models, known) ?? unreadable(MODELS_PATH, known);
    }
    return ready({
      ...known,
      models: modelList(
        (listed ?? []).map(({ id, max_model_len }) => modelOf(id, true, { context_tokens: max_model_len })),
      ),
    });
  },
};

function versionIn(answer: Answer | undefined): string | null {
  return labelOf(fieldsOf(jsonIn(answer)).version);
}

/** With data parallelism each engine has a series: counts add up, and the fullest cache is the one that matters. */
function loadIn(answer: Answer | undefined): Pick<Probe, "slots_busy" | "queue_depth" | "kv_cache_percent"> {
  const metrics = readMetrics(textIn(answer), [RUNNING, WAITING, ...KV_SHARES]);
  const kv = KV_SHARES.find((name) => metrics !== null && metrics.series(name).length > 0);
  return {
    slots_busy: countOf(metrics?.sum(RUNNING)),
    queue_depth: countOf(metrics?.sum(WAITING)),
    kv_cache_percent: kv === undefined ? null : percentOf(metrics?.max(kv)),
  };
}
