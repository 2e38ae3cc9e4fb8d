import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * The id of this queen, by which machines know whose hive they have. Made when it is asked for first, and kept in a file that its
 * owner alone can read.
 */
export function queenIdIn(path: string): () => string {
  let known: string | undefined;
  return () => {
    known ??= read(path) ?? make(path);
    return known;
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Written aside and linked, so that the file is whole, and of two who make it at once both use one. */
function make(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.new-${process.pid}`;
  try {
    // An empty one, of a disk that was full, is none.
    if (read(path) === undefined) rmSync(path, { force: true });
    writeFileSync(aside, `${randomUUID()}\n`, { mode: 0o600 });
    linkSync(aside, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  const id = read(path);
  if (id === undefined) throw new Error("the queen's id could not be kept");
  return id;
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);
