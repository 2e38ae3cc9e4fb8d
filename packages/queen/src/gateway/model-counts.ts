import type { SeenRequest } from "./seen.ts";

/** Models that are counted each by itself, the first ones that were served; further ones, and those that nobody had, together. */
export const COUNTED_MODELS_MAX = 50;
export const OTHER_MODELS = "(others)";

/** What was seen of one model's requests since the start. */
export interface ModelCount {
  requests: number;
  failed: number;
  input_tokens: number;
  output_tokens: number;
  queue_wait_ms: number;
}

/** Counts requests by model. Which models have a count of their own never changes, so that no count ever goes back. */
export class ModelCounts {
  readonly #counts: Map<string, ModelCount> = new Map();

  add({ model, isServed, failed, queue_wait_ms, input_tokens = 0, output_tokens = 0 }: SeenRequest): void {
    const count = this.#of(model, isServed);
    count.requests++;
    if (failed) count.failed++;
    count.input_tokens += input_tokens;
    count.output_tokens += output_tokens;
    count.queue_wait_ms += queue_wait_ms;
  }

  entries(): Iterable<readonly [model: string, count: Readonly<ModelCount>]> {
    return this.#counts.entries();
  }

  #of(model: string, isServed: boolean): ModelCount {
    const known = this.#counts.get(model);
    if (known !== undefined) return known;
    const name = isServed && this.#counts.size < COUNTED_MODELS_MAX ? model : OTHER_MODELS;
    const count = this.#counts.get(name) ?? {
      requests: 0,
      failed: 0,
      input_tokens: 0,
      output_tokens: 0,
      queue_wait_ms: 0,
    };
    this.#counts.set(name, count);
    return count;
  }
}
