import { type FileHandle, open } from "node:fs/promises";
import { GGUF_MAGIC } from "../demo/gguf-writer.ts";
import { FatalError } from "../fatal.ts";

export interface ModelFile {
  readonly architecture: string | undefined;
  readonly n_params: number;
  readonly bytes: number;
}

/** Bytes and elements of one block, by ggml's number of the tensor type. A type that is not listed is measured by its offset alone. */
const TENSOR_BLOCK: Readonly<Record<number, readonly [bytes: number, elements: number]>> = {
  0: [4, 1],
  1: [2, 1],
  2: [18, 32],
  3: [20, 32],
  6: [22, 32],
  7: [24, 32],
  8: [34, 32],
  9: [36, 32],
  10: [84, 256],
  11: [110, 256],
  12: [144, 256],
  13: [176, 256],
  14: [210, 256],
  15: [292, 256],
  16: [66, 256],
  17: [74, 256],
  18: [98, 256],
  19: [50, 256],
  20: [18, 32],
  21: [110, 256],
  22: [82, 256],
  23: [136, 256],
  24: [1, 1],
  25: [2, 1],
  26: [4, 1],
  27: [8, 1],
  28: [8, 1],
  29: [56, 256],
  30: [2, 1],
  34: [54, 256],
  35: [66, 256],
  39: [17, 32],
};

/** Bytes of one metadata value by its type; strings (8) and arrays (9) carry their own length. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const VALUE_STRING = 8;
const VALUE_ARRAY = 9;
const DEFAULT_ALIGNMENT_BYTES = 32;
/** Far above any real model; a count beyond it means that these bytes are not a GGUF header. */
const MAX_COUNT = 2 ** 32;
const MAX_KEY_BYTES = 65_536;
const MAX_SKIP_BYTES = 2 ** 40;
const READ_AHEAD_BYTES = 1 << 20;

/**
 * Reads a model file's header and checks that the whole file is there, before llama.cpp sees it: its own words for a broken
 * file are "Failed to load model".
 *
 * @throws {FatalError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `MODEL_TRUNCATED`
 */
export async function checkModelFile(path: string): Promise<ModelFile> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "there is no such file" : `it cannot be opened (${cause.code})`;
    throw new FatalError("MODEL_NOT_FOUND", `${path}: ${why}`, { cause });
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new FatalError("MODEL_INVALID", `${path} is not a file`);
    return await readHeader(new Reader(file, path, stat.size));
  } finally {
    await file.close();
  }
}

async function readHeader(reader: Reader): Promise<ModelFile> {
  const magic = (await reader.bytes(Math.min(GGUF_MAGIC.length, reader.size))).toString("latin1");
  if (magic === "" || !GGUF_MAGIC.startsWith(magic)) {
    if (magic === "") throw reader.truncated();
    throw reader.invalid("it does not begin with GGUF, so it is not a model that llama.cpp reads");
  }
  if (magic !== GGUF_MAGIC) throw reader.truncated();
  const version = await reader.u32();
  if (version !== 2 && version !== 3) throw reader.invalid(`GGUF version ${version} is not supported`);
  const tensorCount = await reader.count("tensors");
  const metadataCount = await reader.count("metadata");
  let architecture: string | undefined;
  let alignment = DEFAULT_ALIGNMENT_BYTES;
  for (let i = 0; i < metadataCount; i++) {
    const key = await reader.key();
    const type = await reader.u32();
    if (key === "general.architecture" && type === VALUE_STRING) architecture = await reader.key();
    else if (key === "general.alignment" && VALUE_BYTES[type] === 4) alignment = (await reader.u32()) || alignment;
    else await skipValue(reader, type);
  }
  let parameters = 0;
  let dataBytes = 0;
  for (let i = 0; i < tensorCount; i++) {
    const tensor = await readTensorInfo(reader);
    parameters += tensor.elements;
    dataBytes = Math.max(dataBytes, tensor.endsAt);
  }
  const wanted = Math.ceil(reader.position / alignment) * alignment + dataBytes;
  if (reader.size < wanted) throw reader.truncated(wanted);
  return { architecture, n_params: parameters, bytes: reader.size };
}

async function readTensorInfo(reader: Reader): Promise<{ readonly elements: number; readonly endsAt: number }> {
  await reader.key();
  const dimensions = await reader.u32();
  if (dimensions > 8) throw reader.invalid(`a tensor of ${dimensions} dimensions makes no sense`);
  let elements = 1;
  for (let i = 0; i < dimensions; i++) elements *= await reader.u64();
  const block = TENSOR_BLOCK[await reader.u32()];
  const offset = await reader.u64();
  const bytes = block === undefined ? 1 : Math.ceil(elements / block[1]) * block[0];
  return { elements, endsAt: offset + bytes };
}

async function skipValue(reader: Reader, type: number, depth = 0): Promise<void> {
  const bytes = VALUE_BYTES[type];
  if (bytes !== undefined) return await reader.skip(bytes);
  if (type === VALUE_STRING) return await reader.skip(await reader.u64());
  if (type !== VALUE_ARRAY || depth > 2) throw reader.invalid(`metadata of type ${type} is unknown`);
  const itemType = await reader.u32();
  const count = await reader.count("items");
  const itemBytes = VALUE_BYTES[itemType];
  if (itemBytes !== undefined) return await reader.skip(itemBytes * count);
  for (let i = 0; i < count; i++) await skipValue(reader, itemType, depth + 1);
}

/** Reads forward through a file, a window at a time. Reading past its end means that the file was cut off. */
class Reader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #path: string;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  position = 0;

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.size = size;
  }

  async bytes(length: number): Promise<Buffer> {
    if (this.position + length > this.size) throw this.truncated();
    const from = this.position - this.#windowStart;
    if (from < 0 || from + length > this.#window.length) {
      const window = Buffer.alloc(Math.min(Math.max(length, READ_AHEAD_BYTES), this.size - this.position));
      const { bytesRead } = await this.#file.read(window, 0, window.length, this.position);
      if (bytesRead < length) throw this.truncated();
      this.#window = window.subarray(0, bytesRead);
      this.#windowStart = this.position;
    }
    const start = this.position - this.#windowStart;
    this.position += length;
    return this.#window.subarray(start, start + length);
  }

  async skip(length: number): Promise<void> {
    if (length > MAX_SKIP_BYTES) throw this.invalid(`its header claims a text of ${length} bytes`);
    if (this.position + length > this.size) throw this.truncated();
    this.position += length;
  }

  async u32(): Promise<number> {
    return (await this.bytes(4)).readUInt32LE();
  }

  async u64(): Promise<number> {
    return Number((await this.bytes(8)).readBigUInt64LE());
  }

  async count(what: string): Promise<number> {
    const count = await this.u64();
    if (count > MAX_COUNT) throw this.invalid(`its header claims ${count} ${what}`);
    return count;
  }

  async key(): Promise<string> {
    const length = await this.u64();
    if (length > MAX_KEY_BYTES) throw this.invalid(`its header has a name of ${length} bytes`);
    return (await this.bytes(length)).toString("utf8");
  }

  invalid(why: string): FatalError {
    return new FatalError("MODEL_INVALID", `${this.#path} is not a usable GGUF file: ${why}`);
  }

  truncated(wanted?: number): FatalError {
    const missing = wanted === undefined ? "it ends inside its header" : `it should have ${wanted} bytes`;
    return new FatalError("MODEL_TRUNCATED", `${this.#path} is cut off: ${missing}, and has ${this.size}`);
  }
}
