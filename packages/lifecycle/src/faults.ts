import { HiveError } from "@hive-registry/contract/errors";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EISDIR: "it is a directory",
  EEXIST: "a part of the path is a file, not a directory",
  ENOTDIR: "a part of the path is a file, not a directory",
  ENOENT: "there is no such file",
};

/** The operating system said no. */
export function cannot(what: string, advice: string, cause: unknown): HiveError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new HiveError("INTERNAL", `Cannot ${what}: ${reason}. ${advice}`, { cause });
}
