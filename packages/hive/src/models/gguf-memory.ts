import type { ModelMemory } from "@hive-registry/contract";
import type { GgufHeader, GgufValue } from "./gguf-header.ts";

/**
 * Keys that tell what a model takes. They begin with the architecture's name. Source of names and formulas:
 * gpustack/gguf-parser-go 8dc7a622; ollama fb307609, fs/ggml/ggml.go.
 */
const SUFFIXES = new Set([
  ...["block_count", "context_length", "embedding_length", "vocab_size"],
  ...["attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length"],
  ...["attention.sliding_window", "attention.sliding_window_pattern"],
  ...["ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.group_count"],
]);
const ARCHITECTURE = "general.architecture";
const TOKENS = "tokenizer.ggml.tokens";
/** Parts of models that see or hear: they serve nobody by themselves. */
const NO_MODELS: ReadonlySet<unknown> = new Set(["clip", "mmproj"]);

const ELEMENT_BYTES = 2;
const STATE_BYTES = 4;
const BATCH_TOKENS = 512;
const FLOAT_BYTES = 4;
const LAYERS_MAX = 4_096;

export const isMemoryKey = (key: string): boolean =>
  key === ARCHITECTURE || SUFFIXES.has(key.slice(key.indexOf(".") + 1));

/** Whether it is a model that can be served. */
export const isModel = ({ values }: GgufHeader): boolean => !NO_MODELS.has(values.get(ARCHITECTURE));

/**
 * What a model takes beside its weights. Where the file does not tell which layers look at a window only, all of them count as
 * looking at the whole context. Without layers or heads only the context's length is told.
 */
export function memoryOf({ values, lengths }: GgufHeader): Omit<ModelMemory, "weights_bytes"> {
  const architecture = values.get(ARCHITECTURE);
  const value = (suffix: string): GgufValue | undefined => values.get(`${String(architecture)}.${suffix}`);
  const number = (suffix: string): number | undefined => countIn(value(suffix));
  const context = number("context_length");
  const layers = number("block_count");
  const embedding = number("embedding_length");
  const known = { ...(context === undefined ? {} : { context_tokens: context }) };
  if (layers === undefined || embedding === undefined || layers > LAYERS_MAX) return known;

  const state = stateBytes(number);
  const heads = layerValues(value("attention.head_count"), layers);
  if (heads === undefined && state === 0) return known;
  const kvHeads = layerValues(value("attention.head_count_kv"), layers) ?? heads ?? zeros(layers);
  const headLength = embedding / Math.max(1, ...(heads ?? [1]));
  const keyAndValue = (number("attention.key_length") ?? headLength) + (number("attention.value_length") ?? headLength);
  const windowTokens = number("attention.sliding_window") ?? 0;
  const isWindow = windowLayers(value("attention.sliding_window_pattern"), windowTokens);

  let full = 0;
  let windowed = 0;
  let recurrent = 0;
  kvHeads.forEach((count, layer) => {
    const bytes = Math.ceil(count * keyAndValue * ELEMENT_BYTES);
    if (count === 0) recurrent++;
    else if (isWindow(layer)) windowed += bytes;
    else full += bytes;
  });
  const vocabulary = number("vocab_size") ?? lengths.get(TOKENS) ?? 0;
  const widest = Math.max(1 + 4 * embedding, embedding + vocabulary);
  return {
    ...known,
    kv_bytes_per_token: full,
    ...(windowed > 0 ? { window_tokens: windowTokens, window_bytes_per_token: windowed } : {}),
    ...(recurrent * state > 0 ? { state_bytes: recurrent * state } : {}),
    compute_bytes: FLOAT_BYTES * BATCH_TOKENS * widest,
  };
}

/** Of one layer that remembers a state instead of tokens. */
function stateBytes(number: (suffix: string) => number | undefined): number {
  const inner = number("ssm.inner_size") ?? 0;
  const state = number("ssm.state_size") ?? 0;
  const kernel = Math.max(1, number("ssm.conv_kernel") ?? 1);
  const groups = number("ssm.group_count") ?? 0;
  return ((kernel - 1) * (inner + 2 * groups * state) + state * inner) * STATE_BYTES;
}

/** One number for each layer: the file has one for all, or a list. */
function layerValues(value: GgufValue | undefined, layers: number): readonly number[] | undefined {
  if (!Array.isArray(value)) {
    const one = countIn(value);
    return one === undefined ? undefined : new Array<number>(layers).fill(one);
  }
  const counts = (value as readonly GgufValue[]).map(countIn);
  return counts.length === layers && counts.every((count) => count !== undefined) ? (counts as number[]) : undefined;
}

/** A list tells it of each layer; a number, that all but every such one look at a window. */
function windowLayers(pattern: GgufValue | undefined, windowTokens: number): (layer: number) => boolean {
  if (windowTokens === 0) return () => false;
  if (Array.isArray(pattern)) return (layer) => pattern[layer] === true || pattern[layer] === 1;
  const every = countIn(pattern) ?? 0;
  return every > 1 ? (layer) => (layer + 1) % every !== 0 : () => false;
}

const zeros = (layers: number): readonly number[] => new Array<number>(layers).fill(0);

const countIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 40 ? value : undefined;
