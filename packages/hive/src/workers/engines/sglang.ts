import { askFirst, Kept } from "./kept.ts";
import { listedModels, MODELS_PATH } from "./openai-models.ts";
import { type Metrics, readMetrics } from "./prometheus.ts";
import {
  countOf,
  type Fields,
  fieldsOf,
  isObject,
  labelOf,
  listOf,
  modelList,
  modelOf,
  percentOf,
  sumOf,
} from "./reading.ts";
import type { Answer, Probe, Server, ServerEngine } from "./server-engine.ts";
import {
  isBareRefusal,
  isLoading,
  isRefusal,
  jsonIn,
  loading,
  ready,
  textIn,
  troubleIn,
  unreadable,
} from "./standing.ts";

type Load = Pick<Probe, "slots_total" | "slots_busy" | "queue_depth" | "kv_cache_percent" | "version">;
const UNKNOWN_LOAD: Load = {
  ...{ slots_total: null, slots_busy: null, queue_depth: null, kv_cache_percent: null, version: null },
};

/** It asks the scheduler, which may be at a batch. */
const LOAD_LIMIT_MS = 2_000;

/** Where load is told, best first: the first is of 2026, the second is off unless asked for, the third is old. */
const SOURCES = [
  { path: "/v1/loads?include=core", read: loadsIn },
  { path: "/metrics", read: metricsIn },
  { path: "/get_load", read: oldLoadsIn },
] as const;

/** Which of them a server has. */
const sources = new Kept<(typeof SOURCES)[number]>();

/** Its `/health` computes a token each time, and takes a second: it is never asked. */
export const sglang: ServerEngine = {
  name: "sglang",

  async recognises(server) {
    for (const path of ["/model_info", "/get_model_info"]) {
      const answer = await server.get(path);
      const { model_path, is_generation } = fieldsOf(jsonIn(answer));
      if (typeof model_path === "string" && typeof is_generation === "boolean") return true;
      // With a key set all is closed but its health and metrics.
      if (isBareRefusal(answer))
        return !isRefusal(await server.get("/metrics")) && isBareRefusal(await server.get("/"));
    }
    return false;
  },

  async probe(server) {
    const models = await askFirst(server, MODELS_PATH);
    if (models === undefined) return undefined;
    if (isLoading(models)) return loading();
    const trouble = troubleIn(MODELS_PATH, models);
    if (trouble !== undefined) return trouble;
    const listed = listedModels(models);
    if (listed === undefined) return unreadable(MODELS_PATH);
    return ready({
      ...(await loadOf(server)),
      models: modelList(listed.map(({ id, max_model_len }) => modelOf(id, true, { context_tokens: max_model_len }))),
    });
  },
};

async function loadOf(server: Server): Promise<Load> {
  const known = sources.take(server, "load");
  for (const source of known === undefined ? SOURCES : [known]) {
    const answer = await server.get(source.path, { timeoutMs: LOAD_LIMIT_MS });
    if (answer?.status === 404) continue;
    sources.put(server, "load", source);
    return source.read(answer);
  }
  return UNKNOWN_LOAD;
}

/** One item a data-parallel rank: counts add up, and the fullest cache is the one that matters. */
function loadsIn(answer: Answer | undefined): Load {
  const { loads, version } = fieldsOf(jsonIn(answer));
  const ranks = listOf(loads).map(fieldsOf);
  return {
    slots_total: sumOf(ranks.map(({ max_running_requests }) => max_running_requests)),
    slots_busy: sumOf(ranks.map(({ num_running_reqs }) => num_running_reqs)),
    queue_depth: sumOf(ranks.map(({ num_waiting_reqs }) => num_waiting_reqs)),
    kv_cache_percent: fullest(ranks.map(({ token_usage }) => percentOf(token_usage))),
    version: labelOf(version),
  };
}

/** `num_reqs` counts those that run and those that wait. */
function oldLoadsIn(answer: Answer | undefined): Load {
  const ranks: readonly Fields[] = listOf(jsonIn(answer)).filter(isObject);
  const all = sumOf(ranks.map(({ num_reqs }) => num_reqs));
  const waiting = sumOf(ranks.map(({ num_waiting_reqs }) => num_waiting_reqs));
  const running = all === null || waiting === null ? null : countOf(all - waiting);
  return { ...UNKNOWN_LOAD, slots_busy: running, queue_depth: waiting };
}

function fullest(percents: readonly (number | null)[]): number | null {
  return percents.reduce<number | null>(
    (a, b) => (a === null || b === null ? null : Math.max(a, b)),
    percents[0] ?? null,
  );
}

/** Written with a colon by the server, with an underscore by its router. */
const metricNames = (name: string): readonly string[] => [`sglang:${name}`, `sglang_${name}`];
const RUNNING = metricNames("num_running_reqs");
const WAITING = metricNames("num_queue_reqs");
const USAGE = metricNames("token_usage");

function metricsIn(answer: Answer | undefined): Load {
  const metrics = readMetrics(textIn(answer), [...RUNNING, ...WAITING, ...USAGE]);
  if (metrics === null) return UNKNOWN_LOAD;
  return {
    ...UNKNOWN_LOAD,
    slots_busy: countOf(overRanks(metrics, RUNNING)),
    queue_depth: countOf(overRanks(metrics, WAITING)),
    kv_cache_percent: percentOf(USAGE.map((name) => metrics.max(name)).find((share) => share !== null)),
  };
}

/**
 * Ranks of one tensor- or pipeline-parallel group repeat the same count; those of data parallelism have their own. A
 * series for one priority is part of the one without.
 */
function overRanks(metrics: Metrics, names: readonly string[]): number | null {
  const series = names.map((name) => metrics.series(name)).find((some) => some.length > 0) ?? [];
  const byRank = new Map<string, number>();
  for (const { labels, value } of series) {
    if ((labels.priority ?? "") !== "") continue;
    const rank = labels.dp_rank ?? "";
    byRank.set(rank, Math.max(byRank.get(rank) ?? value, value));
  }
  return byRank.size === 0 ? null : [...byRank.values()].reduce((a, b) => a + b, 0);
}
