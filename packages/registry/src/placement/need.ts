/** What a model takes, as far as its file tells. */
export interface ModelMemory {
  /** Of all parts of its file. */
  readonly weights_bytes: number;
  /** The longest context that it was trained for. */
  readonly context_tokens?: number;
  /** Keys and values of one token in 16 bits, over all layers that look at the whole context. Absent: the file does not tell. */
  readonly kv_bytes_per_token?: number;
  /** Layers that look only at the last so many tokens, and what one token takes in all of these. */
  readonly window_tokens?: number;
  readonly window_bytes_per_token?: number;
  /** What recurrent layers remember of one request, however long it is. */
  readonly state_bytes?: number;
  /** What is needed to compute one batch. */
  readonly compute_bytes?: number;
}

/** How a model shall be served. */
export interface Serving {
  /** Requests at once; each has a context of its own. */
  readonly slots?: number;
  /** Context of one slot. */
  readonly context_tokens?: number;
}

/** What the bundled worker takes unless told otherwise. */
export const DEFAULT_SLOTS = 4;
export const DEFAULT_CONTEXT_TOKENS = 8_192;
/** Beside the model: the runtime, and what a driver keeps for each process (457 MiB with CUDA, 512 MiB with Metal). */
export const OVERHEAD_BYTES: number = 512 * 1_048_576;
/** Tokens that llama.cpp computes at once; a window has to hold them too. */
const BATCH_TOKENS = 512;
/** Of a file that tells nothing but its size: so much of it again for contexts and buffers. */
const UNREAD_SHARE = 0.25;

/**
 * Memory that a model takes where it is served, bytes: weights, contexts of all slots, one batch, overhead. An estimate from
 * above for llama.cpp with all layers in one place; servers that take a share of the device whatever the model are not meant.
 */
export function memoryNeed(memory: ModelMemory, serving: Serving = {}): number {
  const { weights_bytes, kv_bytes_per_token, window_tokens = 0, window_bytes_per_token = 0 } = memory;
  if (kv_bytes_per_token === undefined) return Math.ceil(weights_bytes * (1 + UNREAD_SHARE)) + OVERHEAD_BYTES;
  const slots = serving.slots ?? DEFAULT_SLOTS;
  const trained = memory.context_tokens ?? Number.POSITIVE_INFINITY;
  const context = Math.min(serving.context_tokens ?? DEFAULT_CONTEXT_TOKENS, trained);
  const inWindow = Math.min(context, window_tokens + BATCH_TOKENS);
  const perSlot = context * kv_bytes_per_token + inWindow * window_bytes_per_token + (memory.state_bytes ?? 0);
  return Math.ceil(weights_bytes + slots * perSlot + (memory.compute_bytes ?? 0) + OVERHEAD_BYTES);
}
