import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** A log that is larger when its program starts is put aside, and of what is put aside only the end is kept. */
export const LOG_BYTES_MAX = 8_388_608;
/** `NAME.log.1` is the youngest. */
export const LOGS_ASIDE_MAX = 2;
/** Most that {@link readTail} answers. */
export const TAIL_BYTES_MAX = 1_048_576;

/** Opens a log to append to, its owner's alone, after putting a large one aside. Answers with the file descriptor. */
export function openLog(path: string, options: { readonly bytesMax?: number } = {}): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rotate(path, options.bytesMax ?? LOG_BYTES_MAX);
  return openSync(path, "a", 0o600);
}

/** The last lines of a log, at most `bytes` of it; empty when there is none. It begins with a whole line where there is one. */
export function readTail(path: string, bytes: number): string {
  const wanted = Math.min(Math.max(0, Math.trunc(bytes)), TAIL_BYTES_MAX);
  if (!existsSync(path)) return "";
  const { tail, whole } = lastBytes(path, wanted);
  if (whole) return tail.toString("utf8");
  const lineEnd = tail.indexOf(10);
  return tail.subarray(lineEnd === -1 ? firstCharacter(tail) : lineEnd + 1).toString("utf8");
}

function rotate(path: string, bytesMax: number): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.size <= bytesMax) return;
  rmSync(`${path}.${LOGS_ASIDE_MAX}`, { force: true });
  for (let age = LOGS_ASIDE_MAX - 1; age >= 1; age--) {
    if (existsSync(`${path}.${age}`)) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  // A program that ran for months may leave any amount.
  writeFileSync(`${path}.1`, lastBytes(path, bytesMax).tail, { mode: 0o600 });
  rmSync(path);
}

function lastBytes(path: string, bytes: number): { readonly tail: Buffer; readonly whole: boolean } {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const from = Math.max(0, size - bytes);
    const tail = Buffer.alloc(size - from);
    const read = readSync(file, tail, 0, tail.length, from);
    return { tail: tail.subarray(0, read), whole: from === 0 };
  } finally {
    closeSync(file);
  }
}

/** Where UTF-8 begins a character: a cut may have left up to three bytes of the one before. */
function firstCharacter(bytes: Buffer): number {
  const start = bytes.subarray(0, 4).findIndex((byte) => (byte & 0xc0) !== 0x80);
  return start === -1 ? 0 : start;
}
