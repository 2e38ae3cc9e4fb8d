import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { defaultStateDir, type Environment } from "@hive-registry/command/places";
import { encodeGguf } from "./gguf-writer.ts";
import { type LanguageGraph, scriptGraph } from "./graph.ts";
import { DEMO_SCRIPT } from "./script.ts";
import { BOS_ID, buildVocabulary, EOS_ID, UNKNOWN_ID } from "./vocabulary.ts";
import { llamaWeights } from "./weights.ts";

/** The id under which the demonstration model is served, and its file's name without `.gguf`. */
export const DEMO_MODEL_ID = "hive-demo";
const CONTEXT_LENGTH_TOKENS = 4096;

/** Ends right after the assistant's marker, from which the model starts an answer. */
const CHAT_TEMPLATE = [
  "{{ bos_token }}{% for message in messages %}",
  "<|{{ message['role'] }}|>{{ message['content'] }}{{ eos_token }}",
  "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
].join("");

export interface LanguageModelOptions {
  /** Jinja. */
  readonly chatTemplate?: string;
  /** What the file says it was trained for. */
  readonly contextTokens?: number;
}

export interface DemoModel {
  readonly path: string;
  readonly model_id: string;
  readonly bytes: number;
}

/** Where models are kept when nobody says otherwise: `models` in the state folder. */
export const defaultModelsDir = (env: Environment = process.env): string => join(defaultStateDir(env), "models");

/**
 * Makes sure that the demonstration model lies in `dir` as `hive-demo.gguf`, and tells where. A file that differs from what
 * this version would write (an older version's, a damaged one) is replaced in one step, so a reader never sees half of it.
 */
export async function ensureDemoModel(dir: string = defaultModelsDir()): Promise<DemoModel> {
  const content = encodeDemoModel();
  const path = join(dir, `${DEMO_MODEL_ID}.gguf`);
  const there = await readFile(path).catch(() => undefined);
  if (there === undefined || !content.equals(there)) {
    await mkdir(dir, { recursive: true });
    await replaceFile(path, content);
  }
  return { path, model_id: DEMO_MODEL_ID, bytes: content.length };
}

/** The demonstration model's file: the same bytes each time. */
export function encodeDemoModel(): Buffer {
  return encodeLanguageModel(DEMO_MODEL_ID, scriptGraph(DEMO_SCRIPT, buildVocabulary(DEMO_SCRIPT)));
}

/** A llama that speaks as the graph says. An empty template leaves it without one. */
export function encodeLanguageModel(
  name: string,
  graph: LanguageGraph,
  { chatTemplate = CHAT_TEMPLATE, contextTokens = CONTEXT_LENGTH_TOKENS }: LanguageModelOptions = {},
): Buffer {
  const { shape, tensors } = llamaWeights(graph);
  return encodeGguf({
    metadata: {
      "general.architecture": { type: "string", value: "llama" },
      "general.name": { type: "string", value: name },
      "general.description": {
        type: "string",
        value: "A demonstration. It knows nothing and says prepared sentences.",
      },
      "general.license": { type: "string", value: "MIT" },
      "general.file_type": { type: "u32", value: 0 },
      "general.alignment": { type: "u32", value: 32 },
      "llama.vocab_size": { type: "u32", value: graph.tokens.length },
      "llama.context_length": { type: "u32", value: contextTokens },
      "llama.embedding_length": { type: "u32", value: shape.embedding_length },
      "llama.block_count": { type: "u32", value: 1 },
      "llama.feed_forward_length": { type: "u32", value: shape.feed_forward_length },
      "llama.rope.dimension_count": { type: "u32", value: shape.head_length },
      "llama.rope.freq_base": { type: "f32", value: 10_000 },
      "llama.attention.head_count": { type: "u32", value: 1 },
      "llama.attention.head_count_kv": { type: "u32", value: 1 },
      "llama.attention.key_length": { type: "u32", value: shape.head_length },
      "llama.attention.value_length": { type: "u32", value: shape.head_length },
      "llama.attention.layer_norm_rms_epsilon": { type: "f32", value: 1e-6 },
      "tokenizer.ggml.model": { type: "string", value: "llama" },
      "tokenizer.ggml.tokens": { type: "strings", value: graph.tokens.map(({ text }) => text) },
      "tokenizer.ggml.scores": { type: "f32s", value: graph.tokens.map(() => 0) },
      "tokenizer.ggml.token_type": { type: "i32s", value: graph.tokens.map(({ type }) => type) },
      "tokenizer.ggml.bos_token_id": { type: "u32", value: BOS_ID },
      "tokenizer.ggml.eos_token_id": { type: "u32", value: EOS_ID },
      "tokenizer.ggml.unknown_token_id": { type: "u32", value: UNKNOWN_ID },
      "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
      "tokenizer.ggml.add_eos_token": { type: "bool", value: false },
      "tokenizer.ggml.add_space_prefix": { type: "bool", value: false },
      ...(chatTemplate !== "" && { "tokenizer.chat_template": { type: "string" as const, value: chatTemplate } }),
    },
    tensors,
  });
}

async function replaceFile(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
