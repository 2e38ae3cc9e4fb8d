import type { LlamaEmbeddingContext, LlamaModel } from "node-llama-cpp";
import { ApiError } from "../errors.ts";
import { checkCharacters } from "./chat-template.ts";
import type { Embeddings } from "./engine.ts";

/** Computes embeddings in a context of its own, made at the first request: most workers are never asked for any. */
export class EmbeddingContext {
  readonly #model: LlamaModel;
  readonly #contextTokens: number;
  readonly #threads: number;
  #context: Promise<LlamaEmbeddingContext> | undefined;

  constructor(model: LlamaModel, options: { readonly contextTokens: number; readonly threads: number }) {
    this.#model = model;
    this.#contextTokens = options.contextTokens;
    this.#threads = options.threads;
  }

  /**
   * One vector of length 1 for each input, in order.
   *
   * @throws {ApiError} `NOT_SUPPORTED` when the model cannot, `CONTEXT_TOO_LONG`; the signal's reason when it is aborted.
   */
  async embed(inputs: readonly string[], signal: AbortSignal): Promise<Embeddings> {
    const context = await this.#ready();
    const vectors: number[][] = [];
    let prompt_tokens = 0;
    for (const [index, input] of inputs.entries()) {
      signal.throwIfAborted();
      checkCharacters([input], this.#contextTokens, "input");
      const tokens = context.calculateInputLength(input);
      if (tokens >= this.#contextTokens) {
        const message = `input ${index} has ${tokens} tokens; this worker takes up to ${this.#contextTokens - 1}`;
        throw new ApiError("CONTEXT_TOO_LONG", message, "input");
      }
      prompt_tokens += tokens;
      vectors.push(unitLength((await context.getEmbeddingFor(input)).vector));
    }
    return { vectors, prompt_tokens };
  }

  async close(): Promise<void> {
    const context = await this.#context?.catch(() => undefined);
    await context?.dispose();
  }

  async #ready(): Promise<LlamaEmbeddingContext> {
    // A text is read in one batch: models that look at it from both sides need it whole, and llama.cpp aborts otherwise.
    const contextSize = this.#contextTokens;
    this.#context ??= this.#model.createEmbeddingContext({
      contextSize,
      batchSize: contextSize,
      threads: this.#threads,
    });
    try {
      return await this.#context;
    } catch {
      this.#context = undefined;
      throw new ApiError("NOT_SUPPORTED", "this model has no embeddings, or there is no memory left to compute them");
    }
  }
}

function unitLength(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((value) => value / length);
}
