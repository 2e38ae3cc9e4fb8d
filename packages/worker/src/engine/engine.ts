/** What the HTTP side asks of an inference engine. */
export interface Engine {
  readonly info: EngineInfo;
  load(): EngineLoad;
  /** Called after every change of what `load()` answers. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;
  /**
   * Waits for a free slot, first come first served, then generates. Ends early when `signal` is aborted or the reader
   * stops reading; the slot is free again at once.
   *
   * @throws {ApiError} before the first event: `QUEUE_FULL`, `CONTEXT_TOO_LONG`, `INVALID_REQUEST`, `NOT_SUPPORTED`.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  /** @throws {ApiError} `NOT_SUPPORTED` when the model has no embeddings, `CONTEXT_TOO_LONG`, `QUEUE_FULL`. */
  embed(inputs: readonly string[], signal: AbortSignal): Promise<Embeddings>;
  close(): Promise<void>;
}

export interface EngineInfo {
  /** Longest context the model was trained for, tokens. */
  readonly n_ctx_train: number;
  /** Context of one slot, tokens. */
  readonly n_ctx: number;
  readonly n_params?: number;
  /** Size of the weights, bytes. */
  readonly size: number;
  /** What computes: `cpu`, `cuda`, `vulkan`, `metal`. */
  readonly backend: string;
}

export interface EngineLoad {
  readonly slots_total: number;
  readonly slots_busy: number;
  /** Requests that wait for a slot. */
  readonly queue_depth: number;
}

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface GenerateRequest {
  readonly prompt: { readonly messages: readonly ChatMessage[] } | { readonly text: string };
  /** Bounded by what is left of the slot's context; that alone bounds it when absent. */
  readonly max_tokens?: number;
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  readonly top_p: number;
  /** 0: off. */
  readonly top_k: number;
  readonly min_p: number;
  /** 0–4294967295. The same seed gives the same text, whatever slot computes it. */
  readonly seed: number;
  readonly stop: readonly string[];
  readonly presence_penalty: number;
  readonly frequency_penalty: number;
}

/** `start` once, then `text` any number of times, then `end` once unless it was aborted. */
export type GenerateEvent =
  | {
      readonly type: "start";
      /** All of them, cached ones too. */
      readonly prompt_tokens: number;
      readonly cached_tokens: number;
    }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "end"; readonly finish_reason: FinishReason; readonly completion_tokens: number };

/** `stop`: the model ended, or a stop string came up. `length`: max_tokens or the context is used up. */
export type FinishReason = "stop" | "length";

export interface Embeddings {
  readonly vectors: readonly (readonly number[])[];
  readonly prompt_tokens: number;
}
