import { type FileHandle, open } from "node:fs/promises";

/** What a GGUF file says of its model, as far as it was asked for: by key, numbers as numbers. */
export interface GgufHeader {
  readonly values: ReadonlyMap<string, GgufValue>;
  /** Lengths of lists, also of those whose members were passed over. */
  readonly lengths: ReadonlyMap<string, number>;
}

export type GgufValue = number | boolean | string | readonly (number | boolean | string)[];

/** Read of one file at most: tokenizers of 256,000 words take some 15 MB. */
export const HEADER_BYTES_MAX: number = 64 * 1_048_576;
const KEYS_MAX = 16_384;
const TEXT_BYTES_MAX = 4_096;
/** Members of a list that is wanted: one for each layer. */
const MEMBERS_MAX = 4_096;
/** Read at once, and so the most that is worked through before others get their turn. */
const PIECE_BYTES = 524_288;

const MAGIC = "GGUF";
const VERSIONS = [2, 3];
/** By type: u8, i8, u16, i16, u32, i32, f32, bool, text, list, u64, i64, f64. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8] as const;
const BOOL = 7;
const TEXT = 8;
const LIST = 9;

/**
 * Reads the keys of a file that `isWanted` names, and passes over all others: whole tokenizers stand there, and making objects
 * of them would hold up the agent for seconds.
 *
 * @throws {Error} when it is no GGUF file of a known version, ends too early, or is larger than the bounds.
 */
export async function readGgufHeader(path: string, isWanted: (key: string) => boolean): Promise<GgufHeader> {
  const file = await open(path, "r");
  try {
    const cursor = new Cursor(file);
    if ((await cursor.text(MAGIC.length)) !== MAGIC) throw new Error("no GGUF file");
    const version = await cursor.number(4);
    if (!VERSIONS.includes(version)) throw new Error(`GGUF version ${version} is not known`);
    await cursor.number(10); // How many tensors.
    const keys = bounded(await cursor.number(10), KEYS_MAX, "keys");
    const values = new Map<string, GgufValue>();
    const lengths = new Map<string, number>();
    for (let read = 0; read < keys; read++) {
      const key = await cursor.text(bounded(await cursor.number(10), TEXT_BYTES_MAX, "bytes of a key"));
      const type = await cursor.number(4);
      const value = await readValue(cursor, type, {
        wanted: isWanted(key),
        noteLength: (length) => lengths.set(key, length),
      });
      if (value !== undefined) values.set(key, value);
    }
    return { values, lengths };
  } finally {
    await file.close();
  }
}

async function readValue(
  cursor: Cursor,
  type: number,
  options: { readonly wanted: boolean; readonly noteLength?: (length: number) => void },
): Promise<GgufValue | undefined> {
  const { wanted } = options;
  if (type === LIST) {
    const inner = await cursor.number(4);
    const length = await cursor.number(10);
    options.noteLength?.(length);
    if (inner === LIST) throw new Error("lists in lists");
    if (!wanted) {
      await (inner === TEXT ? cursor.skipTexts(length) : cursor.skip(length * sizeOf(inner)));
      return undefined;
    }
    const members: (number | boolean | string)[] = [];
    for (let at = bounded(length, MEMBERS_MAX, "members"); at > 0; at--) members.push(await readOne(cursor, inner));
    return members;
  }
  if (wanted) return readOne(cursor, type);
  await (type === TEXT ? cursor.skipTexts(1) : cursor.skip(sizeOf(type)));
  return undefined;
}

async function readOne(cursor: Cursor, type: number): Promise<number | boolean | string> {
  if (type === TEXT) return cursor.text(bounded(await cursor.number(10), TEXT_BYTES_MAX, "bytes of a text"));
  sizeOf(type);
  const value = await cursor.number(type);
  return type === BOOL ? value !== 0 : value;
}

function sizeOf(type: number): number {
  const size = SIZES[type] ?? 0;
  if (size === 0) throw new Error(`type ${type} is not known`);
  return size;
}

function bounded(value: number, max: number, what: string): number {
  if (!(value >= 0 && value <= max)) throw new Error(`${value} ${what}, ${max} at most`);
  return value;
}

/** Walks through the file's beginning, a piece at a time. */
class Cursor {
  readonly #file: FileHandle;
  #piece: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where in the file the piece ends. */
  #readTo = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** One number of this type, little endian. */
  async number(type: number): Promise<number> {
    const size = SIZES[type] as number;
    await this.#need(size);
    const at = this.#at;
    this.#at += size;
    const piece = this.#piece;
    if (type === 6) return piece.readFloatLE(at);
    if (type === 10) return Number(piece.readBigUInt64LE(at));
    if (type === 11) return Number(piece.readBigInt64LE(at));
    if (type === 12) return piece.readDoubleLE(at);
    return type === 1 || type === 3 || type === 5 ? piece.readIntLE(at, size) : piece.readUIntLE(at, size);
  }

  async text(bytes: number): Promise<string> {
    await this.#need(bytes);
    this.#at += bytes;
    return this.#piece.toString("utf8", this.#at - bytes, this.#at);
  }

  async skip(bytes: number): Promise<void> {
    const left = this.#piece.length - this.#at;
    if (bytes <= left) {
      this.#at += bytes;
      return;
    }
    this.#readTo = bounded(this.#readTo + bytes - left, HEADER_BYTES_MAX, "bytes of header");
    this.#piece = Buffer.alloc(0);
    this.#at = 0;
  }

  async skipTexts(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      if (this.#piece.length - this.#at < 8) await this.#need(8);
      const bytes = Number(this.#piece.readBigUInt64LE(this.#at));
      this.#at += 8;
      if (bytes <= this.#piece.length - this.#at) this.#at += bytes;
      else await this.skip(bytes);
    }
  }

  /** So many bytes stand in the piece from here on. @throws {Error} when the file ends before. */
  async #need(bytes: number): Promise<void> {
    const left = this.#piece.length - this.#at;
    if (left >= bytes) return;
    const room = Buffer.alloc(Math.max(PIECE_BYTES, bytes));
    this.#piece.copy(room, 0, this.#at);
    let length = left;
    while (length < bytes) {
      const { bytesRead } = await this.#file.read(room, length, room.length - length, this.#readTo);
      if (bytesRead === 0) throw new Error("it ends in the middle of its header");
      length += bytesRead;
      this.#readTo = bounded(this.#readTo + bytesRead, HEADER_BYTES_MAX + PIECE_BYTES, "bytes of header");
    }
    this.#piece = room.subarray(0, length);
    this.#at = 0;
  }
}
