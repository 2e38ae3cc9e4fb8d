import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import type { Environment } from "./places.ts";

/** A log that grew beyond this is put aside, while its program runs. */
export const LOG_BYTES_MAX = 8_388_608;
/** `NAME.log.1` is the youngest. */
export const LOGS_ASIDE_MAX = 2;
const LOOK_EVERY_MS = 5_000;
const STDERR = 2;
const PIECE_BYTES = 65_536;

/**
 * Keeps the log that this program's stderr is appended to from growing without end: `HIVE_LOG_FILE` names it, set by who opened it. Where stderr
 * is anything else, nothing is done. A crowded log is copied aside and emptied in place, for others hold it open too; since all
 * of them append, what they write next begins at its new end. Answers with what stops it; the program may end without.
 */
export function limitLog(
  env: Environment,
  options: { readonly bytesMax?: number; readonly lookEveryMs?: number } = {},
): () => void {
  const path = env.HIVE_LOG_FILE;
  if (!path) return () => {};
  const bytesMax = options.bytesMax ?? LOG_BYTES_MAX;
  const look = (): void => {
    try {
      if (isOpenAs(STDERR, path)) emptyWhenCrowded(STDERR, path, bytesMax);
    } catch {
      // The next look may do better; a log is no reason to end.
    }
  };
  const timer = setInterval(look, options.lookEveryMs ?? LOOK_EVERY_MS).unref();
  look();
  return () => clearInterval(timer);
}

function isOpenAs(file: number, path: string): boolean {
  const [open, named] = [fstatSync(file), statSync(path, { throwIfNoEntry: false })];
  return open.isFile() && open.ino === named?.ino && open.dev === named.dev;
}

/** Puts the end of a log aside, at most `bytesMax` of it, and empties it. On a full disk that end is lost, so that the log stays bounded. */
export function emptyWhenCrowded(file: number, path: string, bytesMax: number): void {
  const { size } = fstatSync(file);
  if (size <= bytesMax) return;
  try {
    copyEnd(path, size, bytesMax);
    for (let age = LOGS_ASIDE_MAX; age > 1; age--) {
      if (existsSync(`${path}.${age - 1}`)) renameSync(`${path}.${age - 1}`, `${path}.${age}`);
    }
    renameSync(asideOf(path), `${path}.1`);
  } catch {
    rmSync(asideOf(path), { force: true, recursive: true });
  } finally {
    ftruncateSync(file, 0);
  }
}

const asideOf = (path: string): string => `${path}.aside`;

/** In pieces: the memory of a small machine is for models. */
function copyEnd(path: string, size: number, bytesMax: number): void {
  const from = openSync(path, "r");
  try {
    const to = openSync(asideOf(path), "w", 0o600);
    try {
      const piece = Buffer.alloc(PIECE_BYTES);
      for (let at = size - bytesMax; at < size; ) {
        const read = readSync(from, piece, 0, Math.min(piece.length, size - at), at);
        if (read === 0) return;
        for (let written = 0; written < read; ) written += writeSync(to, piece, written, read - written);
        at += read;
      }
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
}
