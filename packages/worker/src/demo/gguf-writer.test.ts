import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGgufFileInfo } from "node-llama-cpp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeGguf, type GgufContent } from "./gguf-writer.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hive-gguf-"));
});
afterEach(() => rm(dir, { recursive: true }));

const content: GgufContent = {
  metadata: {
    "general.architecture": { type: "string", value: "llama" },
    "general.name": { type: "string", value: "Biene 🐝" },
    "llama.block_count": { type: "u32", value: 4_294_967_295 },
    "llama.rope.freq_base": { type: "f32", value: 0.5 },
    "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
    "tokenizer.ggml.tokens": { type: "strings", value: ["", "a", "ä"] },
    "tokenizer.ggml.scores": { type: "f32s", value: [-1.5, 0] },
    "tokenizer.ggml.token_type": { type: "i32s", value: [-1, 3] },
  },
  tensors: [
    { name: "a.weight", shape: [3], data: Float32Array.of(1, 2, 3) },
    { name: "b.weight", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  ],
};

test("llama.cpp's own reader finds every value and tensor where it was put", async () => {
  const file = join(dir, "small.gguf");
  const bytes = encodeGguf(content);
  await writeFile(file, bytes);
  const info = await readGgufFileInfo(file, { logWarnings: false });

  expect(info.version).toBe(3);
  expect(info.metadata).toMatchObject({
    general: { architecture: "llama", name: "Biene 🐝" },
    llama: { block_count: 4_294_967_295, rope: { freq_base: 0.5 } },
    tokenizer: { ggml: { add_bos_token: true, tokens: ["", "a", "ä"], scores: [-1.5, 0], token_type: [-1, 3] } },
  });
  expect(info.fullTensorInfo?.map(({ name, dimensions, ggmlType }) => ({ name, dimensions, ggmlType }))).toEqual([
    { name: "a.weight", dimensions: [3], ggmlType: 0 },
    { name: "b.weight", dimensions: [2, 3], ggmlType: 0 },
  ]);
  const [a, b] = info.fullTensorInfo!.map(({ fileOffset }) => Number(fileOffset));
  expect([a! % 32, b! % 32]).toEqual([0, 0]);
  expect([0, 4, 8].map((at) => bytes.readFloatLE(a! + at))).toEqual([1, 2, 3]);
  expect(bytes.readFloatLE(b! + 20)).toBe(6);
});

test("a tensor whose data does not fill its shape, or whose name is taken, is a programmer's mistake", () => {
  const [a] = content.tensors;
  expect(() => encodeGguf({ metadata: {}, tensors: [{ ...a!, shape: [4] }] })).toThrow(
    /a.weight: 4 numbers wanted, 3 given/,
  );
  expect(() => encodeGguf({ metadata: {}, tensors: [a!, a!] })).toThrow(/a.weight: the name is taken/);
});
