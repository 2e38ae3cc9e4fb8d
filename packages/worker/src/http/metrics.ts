import {
  by,
  type Family,
  Histogram,
  metricsPage,
  one,
  PROCESS_FAMILIES,
  readProcess,
} from "@hive-registry/command/metrics";
import type { WorkerStatus } from "../status.ts";
import type { Usage } from "./replies.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** How a request ended: `hangup` when the client left before its answer was whole. */
export type Outcome = "ok" | "refused" | "hangup" | "failed";
/** What is asked for, by the path. */
export type Route = "chat" | "completions" | "embeddings";

interface RouteCounts {
  readonly outcomes: Record<Outcome, number>;
  readonly duration: Histogram;
  readonly firstToken: Histogram;
}

/** What the worker counts, and where it stands. */
export class WorkerMetrics {
  readonly status: WorkerStatus;
  /** Only of routes that were asked for. */
  readonly routes: Map<Route, RouteCounts> = new Map();
  readonly tokens: { prompt: number; cached: number; completion: number } = { prompt: 0, cached: 0, completion: 0 };

  constructor(status: WorkerStatus) {
    this.status = status;
  }

  ended(route: Route, outcome: Outcome, seconds: number): void {
    const counts = this.#of(route);
    counts.outcomes[outcome]++;
    counts.duration.observe(seconds);
  }

  firstText(route: Route, seconds: number): void {
    this.#of(route).firstToken.observe(seconds);
  }

  used(usage: Usage): void {
    this.tokens.prompt += usage.prompt_tokens;
    this.tokens.cached += usage.prompt_tokens_details.cached_tokens;
    this.tokens.completion += usage.completion_tokens;
  }

  page(): string {
    return metricsPage(WORKER_FAMILIES, this) + metricsPage(PROCESS_FAMILIES, readProcess());
  }

  #of(route: Route): RouteCounts {
    const known = this.routes.get(route);
    if (known !== undefined) return known;
    const fresh: RouteCounts = {
      outcomes: { ok: 0, refused: 0, hangup: 0, failed: 0 },
      duration: new Histogram(SECONDS),
      firstToken: new Histogram(SECONDS),
    };
    this.routes.set(route, fresh);
    return fresh;
  }
}

/** All metrics of the worker's own: the text of docs/reference/metrics.md. */
export const WORKER_FAMILIES: readonly Family<WorkerMetrics>[] = [
  {
    ...{ name: "hive_registry_worker_requests_total", kind: "counter", labels: ["route", "outcome"] },
    help: "Inference requests by route and how they ended.",
    read: ({ routes }) =>
      [...routes].flatMap(([route, { outcomes }]) =>
        by("outcome", outcomes).map(({ labels, value }) => ({ labels: { route, ...labels }, value })),
      ),
  },
  {
    ...{ name: "hive_registry_worker_prompt_tokens_total", kind: "counter", labels: [] },
    help: "Prompt tokens of answered requests, cached ones too.",
    read: ({ tokens }) => one(tokens.prompt),
  },
  {
    ...{ name: "hive_registry_worker_cached_tokens_total", kind: "counter", labels: [] },
    help: "Prompt tokens that a slot still remembered.",
    read: ({ tokens }) => one(tokens.cached),
  },
  {
    ...{ name: "hive_registry_worker_completion_tokens_total", kind: "counter", labels: [] },
    help: "Generated tokens.",
    read: ({ tokens }) => one(tokens.completion),
  },
  {
    ...{ name: "hive_registry_worker_request_duration_seconds", kind: "histogram", labels: ["route"] },
    help: "From a request's arrival to the end of its answer, waiting included.",
    read: ({ routes }) => [...routes].map(([route, { duration }]) => duration.read({ route })),
  },
  {
    ...{ name: "hive_registry_worker_first_token_seconds", kind: "histogram", labels: ["route"] },
    help: "From a request's arrival to the first text of its answer.",
    read: ({ routes }) => [...routes].map(([route, { firstToken }]) => firstToken.read({ route })),
  },
  {
    ...{ name: "hive_registry_worker_slots", kind: "gauge", labels: [] },
    help: "Requests that can be computed at once.",
    read: ({ status }) => one(status.load().slots_total),
  },
  {
    ...{ name: "hive_registry_worker_slots_busy", kind: "gauge", labels: [], help: "Slots that compute now." },
    read: ({ status }) => one(status.load().slots_busy),
  },
  {
    ...{ name: "hive_registry_worker_queue_depth", kind: "gauge", labels: [], help: "Requests that wait for a slot." },
    read: ({ status }) => one(status.load().queue_depth),
  },
  {
    ...{ name: "hive_registry_worker_ready", kind: "gauge", labels: [] },
    help: "1 once the model is loaded and work is taken.",
    read: ({ status }) => one(status.phase === "ready" ? 1 : 0),
  },
];
