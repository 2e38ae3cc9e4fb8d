import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gguf } from "@huggingface/gguf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { readGgufHeader } from "./gguf-header.ts";
import { isMemoryKey, isModel, memoryOf } from "./gguf-memory.ts";
import { aGguf, LLAMA_8B, type Typed, u32s } from "./testing/a-gguf.ts";

function aFile(content: Buffer): string {
  const path = join(aFolder(), "model.gguf");
  writeFileSync(path, content);
  return path;
}

describe("the header of a GGUF file", () => {
  const aNumber: fc.Arbitrary<Typed> = fc.oneof(
    fc.record({
      type: fc.constantFrom("u8" as const, "u16" as const, "u32" as const, "u64" as const),
      value: fc.nat({ max: 255 }),
    }),
    fc.record({
      type: fc.constantFrom("i8" as const, "i16" as const, "i32" as const, "i64" as const),
      value: fc.integer({ min: -128, max: 127 }),
    }),
    fc.record({ type: fc.constantFrom("f32" as const, "f64" as const), value: fc.integer({ min: -9, max: 9 }) }),
  );
  const aList: fc.Arbitrary<Typed> = fc.oneof(
    fc.record({
      type: fc.constant("list" as const),
      of: fc.constantFrom("u8" as const, "u16" as const, "u64" as const, "f32" as const),
      value: fc.array(fc.nat({ max: 200 }), { maxLength: 40 }),
    }),
    fc.record({
      type: fc.constant("list" as const),
      of: fc.constant("bool" as const),
      value: fc.array(fc.boolean(), { maxLength: 9 }),
    }),
    fc.record({
      type: fc.constant("list" as const),
      of: fc.constant("text" as const),
      value: fc.array(fc.string({ maxLength: 30 }), { maxLength: 40 }),
    }),
  );
  const aValue: fc.Arbitrary<Typed> = fc.oneof(
    aNumber,
    aList,
    fc.record({ type: fc.constant("bool" as const), value: fc.boolean() }),
    fc.record({ type: fc.constant("text" as const), value: fc.string({ maxLength: 50 }) }),
  );
  const keys = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}\.[a-z]{1,8}$/), aValue, { maxKeys: 12 });

  test("reads as a library reads it that makes objects of everything", async () => {
    const path = join(aFolder(), "model.gguf");
    await fc.assert(
      fc.asyncProperty(keys, async (entries) => {
        // Padded, for the library looks ahead.
        writeFileSync(path, Buffer.concat([aGguf(entries), Buffer.alloc(64)]));
        const { metadata } = await gguf(path, { allowLocalFile: true });
        const { values, lengths } = await readGgufHeader(path, () => true);
        for (const [key, typed] of Object.entries(entries)) {
          const theirs: unknown = (metadata as Record<string, unknown>)[key];
          const plain = (value: unknown) => (typeof value === "bigint" ? Number(value) : value);
          expect(values.get(key)).toEqual(Array.isArray(theirs) ? theirs.map(plain) : plain(theirs));
          expect(lengths.get(key)).toBe(typed.type === "list" ? typed.value.length : undefined);
        }
        expect(values.size).toBe(Object.keys(entries).length);

        const some = await readGgufHeader(path, (key) => key < "m");
        expect([...some.values.keys()]).toEqual([...values.keys()].filter((key) => key < "m"));
        expect(some.lengths).toEqual(lengths);
      }),
      { numRuns: 60 },
    );
  });

  test("passes over a tokenizer of any size, across the pieces in which the file is read", async () => {
    const words = Array.from({ length: 60_000 }, (_, at) => `word ${at} ${"x".repeat(at % 50)}`);
    const path = aFile(
      aGguf({
        "tokenizer.ggml.tokens": { type: "list", of: "text", value: words },
        "tokenizer.ggml.scores": { type: "list", of: "f32", value: words.map(() => 0) },
        "tokenizer.chat_template": { type: "text", value: "x".repeat(900_000) },
        ...LLAMA_8B,
      }),
    );
    const { values, lengths } = await readGgufHeader(path, isMemoryKey);
    expect(values.get("llama.block_count")).toBe(32);
    expect(lengths.get("tokenizer.ggml.tokens")).toBe(60_000);
  });

  test("of any other file ends in an error, soon, whatever numbers stand there", async () => {
    const whole = aGguf({ ...LLAMA_8B, "a.list": { type: "list", of: "text", value: ["one", "two"] } });
    const path = join(aFolder(), "model.gguf");
    const read = () =>
      readGgufHeader(path, () => true).then(
        () => "read",
        (error: unknown) => error,
      );
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: whole.length - 1 }),
        fc.uint8Array({ minLength: 1, maxLength: 9 }),
        async (at, bytes) => {
          const broken = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + bytes.length)]);
          writeFileSync(path, broken);
          const outcome = await read();
          if (outcome !== "read") expect(outcome).toBeInstanceOf(Error);
          writeFileSync(path, whole.subarray(0, at));
          expect(await read()).toBeInstanceOf(Error);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("what a model takes", () => {
  const memory = async (keys: Readonly<Record<string, Typed>>) =>
    memoryOf(await readGgufHeader(aFile(aGguf(keys)), isMemoryKey));

  test("Llama 3.1 8B: 128 KiB for each token", async () => {
    expect(await memory(LLAMA_8B)).toEqual({
      ...{ context_tokens: 131_072, kv_bytes_per_token: 131_072, compute_bytes: 4 * 512 * (4_096 + 128_256) },
    });
  });

  test("lengths of keys and values, heads layer by layer, windows, and layers that remember a state", async () => {
    const keys: Record<string, Typed> = {
      "general.architecture": { type: "text", value: "mixed" },
      ...u32s({ "mixed.block_count": 4, "mixed.embedding_length": 64, "mixed.attention.head_count": 4 }),
      ...u32s({ "mixed.attention.key_length": 10, "mixed.attention.value_length": 6 }),
      ...u32s({ "mixed.attention.sliding_window": 128, "mixed.ssm.conv_kernel": 4, "mixed.ssm.inner_size": 8 }),
      ...u32s({ "mixed.ssm.state_size": 2, "mixed.ssm.group_count": 1 }),
      "mixed.attention.head_count_kv": { type: "list", of: "i32", value: [2, 1, 0, 3] },
      "mixed.attention.sliding_window_pattern": { type: "list", of: "bool", value: [true, false, false, false] },
    };
    expect(await memory(keys)).toEqual({
      ...{ kv_bytes_per_token: (1 + 3) * 16 * 2, window_tokens: 128, window_bytes_per_token: 2 * 16 * 2 },
      ...{ state_bytes: (3 * (8 + 2 * 2) + 2 * 8) * 4, compute_bytes: 4 * 512 * (1 + 4 * 64) },
    });
    const everyFourthIsWhole: Typed = { type: "u32", value: 4 };
    expect(await memory({ ...keys, "mixed.attention.sliding_window_pattern": everyFourthIsWhole })).toMatchObject({
      ...{ kv_bytes_per_token: 3 * 16 * 2, window_bytes_per_token: 3 * 16 * 2 },
    });
  });

  test("a file without layers or heads tells its context at most", async () => {
    const bare: Record<string, Typed> = { "general.architecture": { type: "text", value: "odd" } };
    expect(await memory(bare)).toEqual({});
    expect(await memory({ ...bare, ...u32s({ "odd.context_length": 7, "odd.block_count": 3 }) })).toEqual({
      context_tokens: 7,
    });
  });

  test("what sees for another model is no model", async () => {
    const clip = await readGgufHeader(
      aFile(aGguf({ "general.architecture": { type: "text", value: "clip" } })),
      isMemoryKey,
    );
    expect(isModel(clip)).toBe(false);
  });
});
