/**
 * The door for what foreign servers say: each of these takes anything, and answers only what a heartbeat may carry. What is
 * of another type, or out of bounds, is not known.
 */
import { MODELS_PER_WORKER_MAX } from "@hive-registry/contract";
import { ID_LENGTH_MAX, MODEL_LENGTH_MAX, PRINTABLE } from "@hive-registry/contract/names";
import type { ServedModel } from "./server-engine.ts";

const COUNT_MAX = 1_000_000;
const TOKENS_MAX = 1e9;
const BYTES_MAX = 1e15;
const ALIASES_MAX = 16;
const NAME = new RegExp(PRINTABLE, "u");

export type Fields = Readonly<Record<string, unknown>>;

/** Of an object; those of anything else are none. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The elements of an array; anything else has none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A short text that can be shown. */
export function labelOf(value: unknown): string | null {
  return isName(value, ID_LENGTH_MAX) ? value : null;
}

/** A number of requests or slots. */
export function countOf(value: unknown): number | null {
  return wholeOf(value, COUNT_MAX);
}

/** A share of 0–1, as 0–100. Servers that round may say a little more than all. */
export function percentOf(share: unknown): number | null {
  if (typeof share !== "number" || !Number.isFinite(share) || share < 0) return null;
  return Math.min(100, share * 100);
}

/** The sum of counts; `null` when there is none or one of them is not known. */
export function sumOf(values: readonly unknown[]): number | null {
  const counts = values.map(countOf);
  if (counts.length === 0 || counts.includes(null)) return null;
  return countOf(counts.reduce<number>((sum, one) => sum + (one ?? 0), 0));
}

export interface ModelFacts {
  readonly aliases?: unknown;
  readonly context_tokens?: unknown;
  readonly size_bytes?: unknown;
  readonly vram_bytes?: unknown;
}

/** `undefined` when no heartbeat could carry such a name. */
export function modelOf(id: unknown, loaded: boolean, facts: ModelFacts = {}): ServedModel | undefined {
  if (!isName(id, MODEL_LENGTH_MAX)) return undefined;
  const aliases = listOf(facts.aliases).filter((name) => isName(name, MODEL_LENGTH_MAX) && name !== id);
  const context_tokens = wholeOf(facts.context_tokens, TOKENS_MAX);
  const size_bytes = wholeOf(facts.size_bytes, BYTES_MAX);
  const vram_bytes = wholeOf(facts.vram_bytes, BYTES_MAX);
  return {
    id,
    ...(aliases.length > 0 && { aliases: [...new Set(aliases as string[])].slice(0, ALIASES_MAX) }),
    loaded,
    // A model without a context or without weights is one that the server knows nothing of.
    ...(context_tokens !== null && context_tokens > 0 && { context_tokens }),
    ...(size_bytes !== null && size_bytes > 0 && { size_bytes }),
    // 0 is true of a model that runs on the CPU.
    ...(vram_bytes !== null && { vram_bytes }),
  };
}

/** Each once, by its id; those in memory first, so that they are not lost where the list is cut. */
export function modelList(models: readonly (ServedModel | undefined)[]): ServedModel[] {
  const byId = new Map<string, ServedModel>();
  for (const model of models) {
    if (model === undefined) continue;
    const known = byId.get(model.id);
    if (known === undefined || (model.loaded && !known.loaded)) byId.set(model.id, model);
  }
  const all = [...byId.values()];
  return [...all.filter(({ loaded }) => loaded), ...all.filter(({ loaded }) => !loaded)].slice(
    0,
    MODELS_PER_WORKER_MAX,
  );
}

function isName(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax && NAME.test(value);
}

function wholeOf(value: unknown, max: number): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max ? value : null;
}
