import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeGguf, type GgufTensor } from "../demo/gguf-writer.ts";

const WIDTH = 32;
const FEED_FORWARD = 64;
const CONTEXT = 64;
const TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ..."abcdefghijklmnopqrstuvwxyz"].map((text) =>
  text.startsWith("[") ? text : `\u2581${text}`,
);

/** A BERT of one block that means nothing by its vectors, but computes them as real embedding models do. Answers the file's path. */
export async function encoderModel(dir: string): Promise<string> {
  let state = 1;
  const noise = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff - 0.5;
  };
  const random = (name: string, ...shape: number[]): GgufTensor => ({
    name,
    shape,
    data: Float32Array.from({ length: shape.reduce((product, length) => product * length, 1) }, noise),
  });
  const linear = (name: string, from: number, to: number): GgufTensor[] => [
    random(`${name}.weight`, from, to),
    random(`${name}.bias`, to),
  ];
  const norm = (name: string): GgufTensor[] => [
    { name: `${name}.weight`, shape: [WIDTH], data: new Float32Array(WIDTH).fill(1) },
    { name: `${name}.bias`, shape: [WIDTH], data: new Float32Array(WIDTH) },
  ];
  const path = join(dir, "encoder.gguf");
  const content = encodeGguf({
    metadata: {
      "general.architecture": { type: "string", value: "bert" },
      "general.name": { type: "string", value: "encoder" },
      "bert.context_length": { type: "u32", value: CONTEXT },
      "bert.embedding_length": { type: "u32", value: WIDTH },
      "bert.feed_forward_length": { type: "u32", value: FEED_FORWARD },
      "bert.block_count": { type: "u32", value: 1 },
      "bert.attention.head_count": { type: "u32", value: 2 },
      "bert.attention.layer_norm_epsilon": { type: "f32", value: 1e-6 },
      "bert.attention.causal": { type: "bool", value: false },
      "bert.pooling_type": { type: "u32", value: 1 },
      "tokenizer.ggml.model": { type: "string", value: "bert" },
      "tokenizer.ggml.token_type_count": { type: "u32", value: 2 },
      "tokenizer.ggml.tokens": { type: "strings", value: TOKENS },
      "tokenizer.ggml.token_type": { type: "i32s", value: TOKENS.map((text) => (text.startsWith("[") ? 3 : 1)) },
      "tokenizer.ggml.scores": { type: "f32s", value: TOKENS.map(() => 0) },
      "tokenizer.ggml.padding_token_id": { type: "u32", value: 0 },
      "tokenizer.ggml.unknown_token_id": { type: "u32", value: 1 },
      "tokenizer.ggml.bos_token_id": { type: "u32", value: 2 },
      "tokenizer.ggml.cls_token_id": { type: "u32", value: 2 },
      "tokenizer.ggml.eos_token_id": { type: "u32", value: 3 },
      "tokenizer.ggml.seperator_token_id": { type: "u32", value: 3 },
    },
    tensors: [
      random("token_embd.weight", WIDTH, TOKENS.length),
      random("token_types.weight", WIDTH, 2),
      random("position_embd.weight", WIDTH, CONTEXT),
      ...norm("token_embd_norm"),
      ...["attn_q", "attn_k", "attn_v", "attn_output"].flatMap((name) => linear(`blk.0.${name}`, WIDTH, WIDTH)),
      ...norm("blk.0.attn_output_norm"),
      ...linear("blk.0.ffn_up", WIDTH, FEED_FORWARD),
      ...linear("blk.0.ffn_down", FEED_FORWARD, WIDTH),
      ...norm("blk.0.layer_output_norm"),
    ],
  });
  await writeFile(path, content);
  return path;
}
