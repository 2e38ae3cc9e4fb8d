import { type FileHandle, mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** A log grows to this, then becomes `….log.1`, whose predecessor goes: one worker's logs take twice this at most. */
export const LOG_BYTES_MAX: number = 4 * 1_048_576;
/** Text that waits for a slow disk; what comes on top is left out, and the log says so. */
export const LOG_PENDING_MAX_BYTES = 1_048_576;
export const LOG_TAIL_DEFAULT_BYTES = 65_536;
export const LOG_TAIL_MAX_BYTES = 1_048_576;

/** A file that is only appended to and never larger than its bound. Never makes its writer wait; never throws. */
export class LogFile {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #onError: (error: unknown) => void;
  #work: Promise<void> = Promise.resolve();
  #file: FileHandle | undefined;
  #bytes = 0;
  #pendingBytes = 0;
  #leftOutBytes = 0;
  #closed = false;

  constructor(path: string, options: { readonly bytesMax?: number; readonly onError?: (error: unknown) => void } = {}) {
    this.#path = path;
    this.#bytesMax = options.bytesMax ?? LOG_BYTES_MAX;
    this.#onError = options.onError ?? (() => {});
  }

  write(chunk: Uint8Array | string): void {
    if (this.#closed) return;
    const bytes = Buffer.from(chunk);
    if (this.#pendingBytes + bytes.length > LOG_PENDING_MAX_BYTES) {
      this.#leftOutBytes += bytes.length;
      return;
    }
    this.#pendingBytes += bytes.length;
    this.#then(async () => {
      this.#pendingBytes -= bytes.length;
      await this.#append(bytes);
      if (this.#leftOutBytes > 0 && this.#pendingBytes === 0) {
        const note = `\n--- ${this.#leftOutBytes} bytes left out: the disk was too slow\n`;
        this.#leftOutBytes = 0;
        await this.#append(Buffer.from(note));
      }
    });
  }

  /** Resolves when all that was written is in the file. What is written afterwards is lost. */
  close(): Promise<void> {
    this.#closed = true;
    this.#then(async () => {
      await this.#file?.close();
      this.#file = undefined;
    });
    return this.#work;
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch(this.#onError);
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#file !== undefined && this.#bytes > 0 && this.#bytes + bytes.length > this.#bytesMax) {
      await this.#file.close();
      this.#file = undefined;
      await rename(this.#path, `${this.#path}.1`);
    }
    if (this.#file === undefined) {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      this.#file = await open(this.#path, "a", 0o600);
      this.#bytes = (await this.#file.stat()).size;
    }
    await this.#file.write(bytes.subarray(0, this.#bytesMax));
    this.#bytes += Math.min(bytes.length, this.#bytesMax);
  }
}

/** The last `tailBytes` of a log, from the start of a line; empty when there is none yet. */
export async function readLogTail(path: string, tailBytes: number = LOG_TAIL_DEFAULT_BYTES): Promise<string> {
  const wanted = Math.min(tailBytes, LOG_TAIL_MAX_BYTES);
  const newest = await readEnd(path, wanted);
  const older = newest.length < wanted ? await readEnd(`${path}.1`, wanted - newest.length) : Buffer.alloc(0);
  const bytes = Buffer.concat([older, newest]);
  const lineEnd = bytes.indexOf(10);
  const isCut = bytes.length === wanted && (await sizeOf(path)) + (await sizeOf(`${path}.1`)) > wanted;
  return bytes.subarray(isCut && lineEnd !== -1 && lineEnd < bytes.length - 1 ? lineEnd + 1 : 0).toString("utf8");
}

async function readEnd(path: string, bytes: number): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(bytes, size);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
