import { IdlePauses } from "./idle-pauses.ts";
import { askFirst, askSeldom, Kept } from "./kept.ts";
import { listedModels, MODELS_PATH } from "./openai-models.ts";
import { readMetrics } from "./prometheus.ts";
import { countOf, type Fields, fieldsOf, isObject, labelOf, listOf, modelList, modelOf, percentOf } from "./reading.ts";
import type { Answer, Probe, ServedModel, Server, ServerEngine } from "./server-engine.ts";
import {
  isLoading,
  isOk,
  isRefusal,
  jsonIn,
  loading,
  locked,
  ready,
  textIn,
  troubleIn,
  unreadable,
} from "./standing.ts";

/** Both wait for the batch that is being computed, which takes as long as its prompts are long. */
const LOAD_LIMIT_MS = 2_000;
const RUNNING = "llamacpp:requests_processing";
const WAITING = "llamacpp:requests_deferred";
/** Of older builds; newer ones do not tell. */
const KV_SHARE = "llamacpp:kv_cache_usage_ratio";

type Load = Pick<Probe, "slots_busy" | "queue_depth" | "kv_cache_percent">;
const UNKNOWN_LOAD: Load = { slots_busy: null, queue_depth: null, kv_cache_percent: null };

/** Older builds do not say which of their sources of load are switched on; what was found out is kept. */
const sources = new Kept<"/metrics" | "/slots">();
/** Asking for its slots, unlike its metrics, puts off its sleep. */
const slotPauses = new IdlePauses();

/** Every answer of llama-server names it, also a 404, a 401, and the 503 to everything while its model loads. */
export function namesLlamaCpp(answer: Answer): boolean {
  return answer.header("server")?.trim() === "llama.cpp";
}

/**
 * llama.cpp's own server: one model, or a router in front of several. Its averages (`*_tokens_seconds`) start anew with each
 * scrape, so a Prometheus beside the hive sees those of the last second; its counters are not touched.
 */
export const llamaServer: ServerEngine = {
  name: "llama-server",

  async recognises(server) {
    const props = await server.get("/props");
    if (props === undefined) return false;
    if (namesLlamaCpp(props)) return true;
    return isObject(fieldsOf(jsonIn(props)).default_generation_settings);
  },

  async probe(server) {
    const health = await askFirst(server, "/health");
    if (health === undefined) return undefined;
    if (!isFull(health)) {
      const trouble = troubleIn("/health", health);
      if (trouble !== undefined) return trouble;
    }
    // It may have fallen asleep since: of the two only the metrics can be asked without knowing that.
    const source = sources.take(server, "load");
    const isFresh = source !== "/metrics";
    const answer = isFresh ? await server.get("/props") : await askSeldom(server, "/props");
    if (answer === undefined) return undefined;
    if (isLoading(answer)) return loading();
    const props = fieldsOf(jsonIn(answer));
    if (isRouter(answer, props)) return await probeRouter(server, props);
    const items = listedModels(await askSeldom(server, MODELS_PATH)) ?? [];
    if (isRefusal(answer)) return locked({ models: modelList(items.map((item) => modelIn(item))) });
    // Builds that lack the route still serve.
    if (answer.status !== 404 && answer.status !== 501) {
      const trouble =
        troubleIn("/props", answer) ?? (isObject(props.default_generation_settings) ? undefined : unreadable("/props"));
      if (trouble !== undefined) return trouble;
    }
    const known = {
      models: modelList(items.map((item) => modelIn(item, fieldsOf(props.default_generation_settings).n_ctx))),
      slots_total: countOf(props.total_slots),
      version: labelOf(props.build_info),
    };
    if (props.is_sleeping === true) {
      // Asking for its slots would wake it. Who sleeps runs nothing and lets nobody wait.
      return ready({ ...known, slots_busy: 0, queue_depth: 0, message: "It sleeps; its next request wakes it" });
    }
    const { slots, ...load } = await loadOf(server, { source: source ?? sourceIn(props), isAwake: isFresh });
    return ready({ ...known, ...load, slots_total: known.slots_total ?? slots });
  },
};

/** Very old builds are unwell whenever they are full. */
function isFull(health: Answer): boolean {
  return health.status === 503 && fieldsOf(health.json()).status === "no slot available";
}

/** What each of its models runs, only their own servers know; to ask them through it could load one. */
async function probeRouter(server: Server, props: Fields): Promise<Probe | undefined> {
  const listed = await server.get(MODELS_PATH);
  if (listed === undefined) return undefined;
  const items = listedModels(listed);
  if (items === undefined) return troubleIn(MODELS_PATH, listed) ?? unreadable(MODELS_PATH);
  return ready({ models: modelList(items.map(routedModelIn)), version: labelOf(props.build_info) });
}

function modelIn(item: Fields, contextTokens?: unknown): ServedModel | undefined {
  const { n_ctx, size } = fieldsOf(item.meta);
  return modelOf(item.id, true, { context_tokens: n_ctx ?? contextTokens, size_bytes: size, aliases: item.aliases });
}

/** A router asks back which model is meant, or says what it is. */
function isRouter(answer: Answer, props: Fields): boolean {
  return props.role === "router" || (answer.status === 400 && answer.text.includes("model name is missing"));
}

function routedModelIn(item: Fields): ServedModel | undefined {
  const { value } = fieldsOf(item.status);
  return modelOf(item.id, value === "loaded" || value === "sleeping", { aliases: item.aliases });
}

interface SlotLoad extends Load {
  /** How many there are, where that came to light. */
  readonly slots: number | null;
}

/** From its metrics, unless they are off; then from its slots, if it is sure that it does not sleep, and may fall asleep. */
async function loadOf(
  server: Server,
  { source, isAwake }: { readonly source: "/metrics" | "/slots" | undefined; readonly isAwake: boolean },
): Promise<SlotLoad> {
  const limit = { timeoutMs: LOAD_LIMIT_MS };
  if (source !== "/slots") {
    const answer = await server.get("/metrics", limit);
    const isOff = answer?.status === 501 || answer?.status === 404;
    if (isOff || isOk(answer)) sources.put(server, "load", isOff ? "/slots" : "/metrics");
    if (!isOff) return { ...metricsIn(answer), slots: null };
  }
  if (!isAwake || !slotPauses.isDue(server)) return slotsIn(undefined);
  const load = slotsIn(await server.get("/slots", limit));
  slotPauses.found(server, load.slots_busy === 0);
  return load;
}

function sourceIn(props: Fields): "/metrics" | "/slots" | undefined {
  if (props.endpoint_metrics === true) return "/metrics";
  return props.endpoint_metrics === false ? "/slots" : undefined;
}

function metricsIn(answer: Answer | undefined): Load {
  const metrics = readMetrics(textIn(answer), [RUNNING, WAITING, KV_SHARE]);
  if (metrics === null) return UNKNOWN_LOAD;
  return {
    slots_busy: countOf(metrics.sum(RUNNING)),
    queue_depth: countOf(metrics.sum(WAITING)),
    kv_cache_percent: percentOf(metrics.max(KV_SHARE)),
  };
}

function slotsIn(answer: Answer | undefined): SlotLoad {
  const slots = listOf(jsonIn(answer)).map((slot) => fieldsOf(slot).is_processing);
  if (slots.length === 0 || !slots.every((busy) => typeof busy === "boolean")) return { ...UNKNOWN_LOAD, slots: null };
  return { ...UNKNOWN_LOAD, slots_busy: countOf(slots.filter(Boolean).length), slots: countOf(slots.length) };
}
