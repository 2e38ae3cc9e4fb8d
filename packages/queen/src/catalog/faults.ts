import { HiveError } from "@hive-registry/contract";

export function corrupt(path: string, what: string, cause?: unknown): HiveError {
  return new HiveError(
    "CATALOG_CORRUPT",
    `The catalog ${path} is damaged: ${what}. Nothing was changed. Restore a copy, move it away to begin with an empty one, or use another --state-dir`,
    { cause },
  );
}

export function tooNew(path: string, version: number, newest: number): HiveError {
  return new HiveError(
    "CATALOG_TOO_NEW",
    `The catalog ${path} was written by a newer version (its format is ${version}, this program knows up to ${newest}). Nothing was changed. Update this program, or use another --state-dir`,
  );
}

/** The file system, or another program, stands in the way. */
export function unavailable(path: string, cause: unknown): HiveError {
  return new HiveError(
    "CATALOG_UNAVAILABLE",
    `The catalog ${path} cannot be used: ${reason(cause)}. Give this user read and write access to the file and its directory, or use another --state-dir`,
    { cause },
  );
}

/** What a failed SQLite call means to the operator. */
export function sqliteFault(path: string, cause: unknown): HiveError {
  if (cause instanceof HiveError) return cause;
  const code = codeOf(cause) ?? "";
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return corrupt(path, reason(cause), cause);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new HiveError(
      "CATALOG_UNAVAILABLE",
      `The catalog ${path} is locked by another program: end it, then try again`,
      {
        cause,
      },
    );
  }
  return unavailable(path, cause);
}

export function codeOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EISDIR: "it is a directory",
  EEXIST: "a part of its path is a file, not a directory",
  ENOTDIR: "a part of its path is a file, not a directory",
  SQLITE_FULL: "the disk is full",
  SQLITE_READONLY: "it is read-only",
};

function reason(cause: unknown): string {
  const known = REASONS[codeOf(cause) ?? ""];
  if (known !== undefined) return known;
  return cause instanceof Error ? cause.message : String(cause);
}
