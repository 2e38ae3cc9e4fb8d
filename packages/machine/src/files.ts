import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { HiveError } from "@hive-registry/contract/errors";

/** Whole or not at all, and its owner's alone: a reader finds the old text or the new one. */
export function writePrivate(path: string, text: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(aside, text, { mode: 0o600, flag: "wx" });
    renameSync(aside, path);
  } catch (cause) {
    rmSync(aside, { force: true });
    const code = codeOf(cause);
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new HiveError("NO_SPACE", `There is no room on the disk for ${path}`, { cause });
    }
    throw new HiveError("MACHINE_FAILED", `${path} cannot be written: ${code ?? cause}`, { cause });
  }
}

/** Undefined when there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new HiveError("MACHINE_FAILED", `${path} cannot be read: ${code ?? cause}`, { cause });
  }
}

/** Undefined for what is no object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error ? String(error.code) : undefined;
