/**
 * Writes GGUF version 3 files: what llama.cpp reads. Little-endian; every tensor is 32-bit float.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */

export type GgufValue =
  | { readonly type: "u32"; readonly value: number }
  | { readonly type: "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "f32s"; readonly value: readonly number[] }
  | { readonly type: "i32s"; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** ggml's order: the row length (input features) first, then the number of rows (output features). */
  readonly shape: readonly number[];
  /** Row after row; as many numbers as the shape multiplies to. */
  readonly data: Float32Array;
}

export interface GgufContent {
  readonly metadata: Readonly<Record<string, GgufValue>>;
  readonly tensors: readonly GgufTensor[];
}

export const GGUF_MAGIC = "GGUF";
const GGUF_VERSION = 3;
/** Every tensor begins at a multiple of this many bytes after the header. */
const ALIGNMENT_BYTES = 32;
const TENSOR_TYPE_F32 = 0;
const VALUE_TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/** @throws TypeError when a tensor's data does not fill its shape, or two tensors share a name. */
export function encodeGguf(content: GgufContent): Buffer {
  const metadata = Object.entries(content.metadata);
  const header: Buffer[] = [
    Buffer.from(GGUF_MAGIC),
    u32(GGUF_VERSION),
    u64(content.tensors.length),
    u64(metadata.length),
    ...metadata.flatMap(([key, value]) => [string(key), encodeValue(value)]),
  ];
  const data: Buffer[] = [];
  const names = new Set<string>();
  let offset = 0;
  for (const tensor of content.tensors) {
    checkTensor(tensor, names);
    header.push(
      string(tensor.name),
      u32(tensor.shape.length),
      ...tensor.shape.map(u64),
      u32(TENSOR_TYPE_F32),
      u64(offset),
    );
    const bytes = floats(tensor.data);
    const padding = paddingAfter(bytes.length);
    data.push(bytes, Buffer.alloc(padding));
    offset += bytes.length + padding;
  }
  const head = Buffer.concat(header);
  return Buffer.concat([head, Buffer.alloc(paddingAfter(head.length)), ...data]);
}

function checkTensor(tensor: GgufTensor, names: Set<string>): void {
  if (names.has(tensor.name)) throw new TypeError(`tensor ${tensor.name}: the name is taken`);
  names.add(tensor.name);
  const wanted = tensor.shape.reduce((product, length) => product * length, 1);
  if (tensor.data.length !== wanted) {
    throw new TypeError(`tensor ${tensor.name}: ${wanted} numbers wanted, ${tensor.data.length} given`);
  }
}

function encodeValue(value: GgufValue): Buffer {
  switch (value.type) {
    case "u32":
      return Buffer.concat([u32(VALUE_TYPE.u32), u32(value.value)]);
    case "f32":
      return Buffer.concat([u32(VALUE_TYPE.f32), f32(value.value)]);
    case "bool":
      return Buffer.concat([u32(VALUE_TYPE.bool), Buffer.from([value.value ? 1 : 0])]);
    case "string":
      return Buffer.concat([u32(VALUE_TYPE.string), string(value.value)]);
    case "strings":
      return array(VALUE_TYPE.string, value.value.map(string));
    case "f32s":
      return array(VALUE_TYPE.f32, value.value.map(f32));
    case "i32s":
      return array(VALUE_TYPE.i32, value.value.map(i32));
  }
}

function array(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(VALUE_TYPE.array), u32(type), u64(items.length), ...items]);
}

function paddingAfter(bytes: number): number {
  return (ALIGNMENT_BYTES - (bytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES;
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function i32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

function floats(values: Float32Array): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  for (let i = 0; i < values.length; i++) buffer.writeFloatLE(values[i]!, i * 4);
  return buffer;
}
