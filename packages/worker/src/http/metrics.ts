import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { WorkerStatus } from "../status.ts";
import type { Usage } from "./replies.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** How a request ended: `hangup` when the client left before its answer was whole. */
export type Outcome = "ok" | "refused" | "hangup" | "failed";

export class WorkerMetrics {
  readonly registry: Registry = new Registry();
  readonly #requests: Counter<"route" | "outcome">;
  readonly #promptTokens: Counter;
  readonly #cachedTokens: Counter;
  readonly #completionTokens: Counter;
  readonly #duration: Histogram<"route">;
  readonly #firstToken: Histogram<"route">;

  constructor(status: WorkerStatus) {
    const registers = [this.registry];
    this.#requests = new Counter({
      name: "hive_worker_requests_total",
      help: "Inference requests by route and how they ended.",
      labelNames: ["route", "outcome"],
      registers,
    });
    this.#promptTokens = new Counter({
      name: "hive_worker_prompt_tokens_total",
      help: "Prompt tokens of answered requests, cached ones too.",
      registers,
    });
    this.#cachedTokens = new Counter({
      name: "hive_worker_cached_tokens_total",
      help: "Prompt tokens that a slot still remembered.",
      registers,
    });
    this.#completionTokens = new Counter({
      name: "hive_worker_completion_tokens_total",
      help: "Generated tokens.",
      registers,
    });
    this.#duration = new Histogram({
      name: "hive_worker_request_seconds",
      help: "From a request's arrival to the end of its answer, waiting included.",
      labelNames: ["route"],
      buckets: SECONDS,
      registers,
    });
    this.#firstToken = new Histogram({
      name: "hive_worker_first_token_seconds",
      help: "From a request's arrival to the first text of its answer.",
      labelNames: ["route"],
      buckets: SECONDS,
      registers,
    });
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
    gauge("hive_worker_slots_total", "Requests that can be computed at once.", () => status.load().slots_total);
    gauge("hive_worker_slots_busy", "Slots that compute now.", () => status.load().slots_busy);
    gauge("hive_worker_queue_depth", "Requests that wait for a slot.", () => status.load().queue_depth);
    gauge("hive_worker_ready", "1 once the model is loaded and work is taken.", () =>
      status.phase === "ready" ? 1 : 0,
    );
  }

  ended(route: string, outcome: Outcome, seconds: number): void {
    this.#requests.inc({ route, outcome });
    this.#duration.observe({ route }, seconds);
  }

  firstText(route: string, seconds: number): void {
    this.#firstToken.observe({ route }, seconds);
  }

  used(usage: Usage): void {
    this.#promptTokens.inc(usage.prompt_tokens);
    this.#cachedTokens.inc(usage.prompt_tokens_details.cached_tokens);
    this.#completionTokens.inc(usage.completion_tokens);
  }
}
