/** A value of a GGUF file, with the type that it has there. */
export type Typed =
  | {
      readonly type: "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "u64" | "i64" | "f64";
      readonly value: number;
    }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | {
      readonly type: "list";
      readonly of: Exclude<Typed["type"], "list">;
      readonly value: readonly (number | boolean | string)[];
    };

const NUMBERS: Readonly<Record<Typed["type"], number>> = {
  ...{ u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9, u64: 10, i64: 11, f64: 12 },
};

/** The beginning of a GGUF file of version 3 with these keys, and no tensors. Format: ggml/docs/gguf.md of ggml-org. */
export function aGguf(keys: Readonly<Record<string, Typed>>): Buffer {
  const entries = Object.entries(keys);
  const head = [Buffer.from("GGUF"), u32(3), u64(0), u64(entries.length)];
  return Buffer.concat([
    ...head,
    ...entries.flatMap(([key, typed]) => [text(key), u32(NUMBERS[typed.type]), encoded(typed)]),
  ]);
}

/** Numbers as they mostly are. */
export const u32s = (values: Readonly<Record<string, number>>): Record<string, Typed> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { type: "u32", value }]));

/** The numbers of Llama 3.1 8B. */
export const LLAMA_8B: Readonly<Record<string, Typed>> = {
  "general.architecture": { type: "text", value: "llama" },
  ...u32s({ "llama.block_count": 32, "llama.context_length": 131_072, "llama.embedding_length": 4_096 }),
  ...u32s({ "llama.attention.head_count": 32, "llama.attention.head_count_kv": 8, "llama.vocab_size": 128_256 }),
};

function encoded(typed: Typed): Buffer {
  if (typed.type !== "list") return one(typed.type, typed.value);
  const { of, value } = typed;
  return Buffer.concat([u32(NUMBERS[of]), u64(value.length), ...value.map((member) => one(of, member))]);
}

function one(type: Exclude<Typed["type"], "list">, value: number | boolean | string): Buffer {
  if (type === "text") return text(String(value));
  const buffer = Buffer.alloc(8);
  const number = Number(value);
  switch (type) {
    case "u8":
    case "bool":
      return buffer.subarray(0, buffer.writeUInt8(number));
    case "i8":
      return buffer.subarray(0, buffer.writeInt8(number));
    case "u16":
      return buffer.subarray(0, buffer.writeUInt16LE(number));
    case "i16":
      return buffer.subarray(0, buffer.writeInt16LE(number));
    case "u32":
      return buffer.subarray(0, buffer.writeUInt32LE(number));
    case "i32":
      return buffer.subarray(0, buffer.writeInt32LE(number));
    case "f32":
      return buffer.subarray(0, buffer.writeFloatLE(number));
    case "u64":
      return buffer.subarray(0, buffer.writeBigUInt64LE(BigInt(number)));
    case "i64":
      return buffer.subarray(0, buffer.writeBigInt64LE(BigInt(number)));
    case "f64":
      return buffer.subarray(0, buffer.writeDoubleLE(number));
  }
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
