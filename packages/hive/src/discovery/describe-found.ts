/** How a server that was found becomes a worker: pure functions. What it said is checked here, at the door. */
import { isLoopback } from "@hive-registry/command";
import {
  compile,
  type ErrorCode,
  type KnownModel,
  type ManagedWorker,
  MODELS_PER_WORKER_MAX,
  ModelIdSchema,
  type WorkerInfo,
} from "@hive-registry/contract";
import type { Reach } from "../heartbeat/reach.ts";
import { known, stateOf } from "../workers/describe.ts";
import type { Probe, ServedModel } from "../workers/engines/server-engine.ts";
import type { Usage } from "../workers/usage.ts";
import { type FoundServer, keyAdvice } from "./discovery.ts";
import { HANGS_AFTER } from "./follower.ts";
import { isAny, isLoopbackAddress } from "./listener.ts";

export interface FoundFacts {
  readonly reach: Reach;
  readonly usage: Usage | undefined;
  readonly backendOtherwise: string | undefined;
  /** Below which this hive passes requests on to servers whose key it has; `undefined`: nobody could use that. */
  readonly relayUrl: string | undefined;
}

const modelId = compile(ModelIdSchema);
const COUNT_MAX = 1_000_000;
/**
 * Servers that run many requests at once and tell nobody how many: their default. One at a time, as of a worker that says
 * nothing, would leave most of such a server idle. Source: fact sheet 0.5; vLLM's `--max-num-seqs`.
 */
const SLOTS_ASSUMED: Readonly<Record<string, number>> = { vllm: 256 };

export function describeFound(found: FoundServer, facts: FoundFacts): ManagedWorker {
  const { usage, backendOtherwise } = facts;
  const { sight, configured } = found;
  const { probe, engine } = sight;
  const known_models = probe.models.filter(({ id }) => modelId.check(id)).slice(0, MODELS_PER_WORKER_MAX);
  const served = known_models.filter(({ loaded }) => loaded || configured?.load_on_request === true);
  const first = served.find(({ loaded }) => loaded) ?? (served.length === 1 ? served[0] : undefined);
  const names = namesOf(served);
  const slots_total = count(probe.slots_total) ?? configured?.slots ?? SLOTS_ASSUMED[engine];
  const slots_busy = count(probe.slots_busy);
  const [url, note] = whereOf(found, facts);
  const works = probe.state === "ready";
  const worker = known<WorkerInfo>({
    worker_id: found.worker_id,
    state: works ? stateOf(known({ slots_total, slots_busy })) : "Loading",
    last_heartbeat: sight.heardAt,
    health_status:
      probe.state === "broken" || probe.state === "locked" || sight.silences >= HANGS_AFTER ? "degraded" : "healthy",
    url: works ? url : undefined,
    model_id: first?.id,
    models: names.length > (first === undefined ? 0 : 1) ? names : undefined,
    backend: usage?.backend ?? (found.site?.pid === undefined ? undefined : backendOtherwise),
    device_id: usage?.device_id,
    vram_bytes: usage?.vram_bytes,
    ram_bytes: usage?.ram_bytes,
    cpu_percent: usage?.cpu_percent,
    gpu_percent: usage?.gpu_percent,
    slots_total,
    slots_busy,
    queue_depth: count(probe.queue_depth),
    kv_cache_percent: percent(probe.kv_cache_percent),
    engine,
  });
  return known<ManagedWorker>({
    worker,
    managed: false,
    phase: PHASE[probe.state],
    pid: found.site?.pid,
    restarts: 0,
    error: troubleOf(found),
    note: works ? (note ?? (served.length === 0 ? NOTHING_LOADED : probe.message)) : undefined,
    library: known_models.length > 0 ? known_models.map(inLibrary) : undefined,
  });
}

const NOTHING_LOADED =
  "It has no model in memory. To let requests load one, name it in hive.toml with load_on_request = true";

const PHASE = { loading: "starting", ready: "ready", broken: "failed", locked: "failed" } as const;

/** Each model's id, and the other names that the server answers to, as many as a worker may have. */
const namesOf = (models: readonly ServedModel[]): string[] =>
  [...new Set([...models.map(({ id }) => id), ...models.flatMap(({ aliases }) => aliases ?? [])])]
    .filter((name) => modelId.check(name))
    .slice(0, MODELS_PER_WORKER_MAX);

function inLibrary({ id, loaded, context_tokens, size_bytes, vram_bytes }: ServedModel): KnownModel {
  return known<KnownModel>({ id, loaded, context_tokens, size_bytes, vram_bytes });
}

function troubleOf(found: FoundServer): { code: ErrorCode; message: string } | undefined {
  const { state, message } = found.sight.probe;
  if (state === "broken") return { code: "WORKER_FAILED", message: message ?? "It answers that it cannot work" };
  return state === "locked" ? { code: "UNAUTHENTICATED", message: keyAdvice(found) } : undefined;
}

/** Where clients reach it; else why they cannot. */
function whereOf(
  { worker_id, site, url, configured }: FoundServer,
  { reach, relayUrl }: FoundFacts,
): [url: string | undefined, note?: string] {
  if (configured?.key !== undefined) {
    if (relayUrl !== undefined) return [`${relayUrl}/${encodeURIComponent(worker_id)}`];
    return [
      undefined,
      "Its key is this hive's alone, and the queen is on another machine: let the hive listen there, with a token and --listen",
    ];
  }
  const [address = ""] = site?.addresses ?? [];
  if (isLoopbackAddress(address) || (site === undefined && isLoopback(new URL(url).hostname))) {
    if (!reach.beyondLoopback) return [url];
    return [undefined, "It listens on loopback only and the queen is on another machine: let it listen on 0.0.0.0"];
  }
  if (!isAny(address)) return [url];
  if (reach.host !== undefined) return [withHost(url, reach.host)];
  return [undefined, "By what name others reach this machine is not known: give the hive a token, or --advertise"];
}

function withHost(url: string, host: string): string {
  const there = new URL(url);
  there.hostname = host;
  return there.href.replace(/\/+$/, "");
}

const count = (value: number | null): number | undefined =>
  value === null || !Number.isFinite(value) || value < 0 ? undefined : Math.min(COUNT_MAX, Math.round(value));

const percent = (value: Probe["kv_cache_percent"]): number | undefined =>
  value === null || !Number.isFinite(value) ? undefined : Math.min(100, Math.max(0, value));
