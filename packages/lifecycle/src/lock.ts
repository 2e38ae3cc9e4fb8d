import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { HiveError } from "@hive-registry/contract/errors";
import { cannot } from "./faults.ts";
import { type PidRecord, parsePidRecord, recordOf } from "./pid-file.ts";
import { isAlive } from "./processes/identity.ts";

/** A lock whose breaker died while it broke it has a lock of its own, and so on: each level takes a crash within microseconds. */
const BREAK_DEPTH_MAX = 3;
const LOOK_EVERY_MS = 5;

/**
 * Takes the lock file `path`, waiting at most `waitMs` for a live holder. One whose holder died is broken and taken. Answers with
 * the function that gives it back.
 *
 * @throws {HiveError} `TIMEOUT` naming the holder, `INTERNAL` when the file cannot be made.
 */
export async function takeLock(path: string, options: { readonly waitMs: number }): Promise<() => void> {
  const endMs = performance.now() + options.waitMs;
  const mine = JSON.stringify({ ...recordOf(process.pid, Date.now()), nonce: randomUUID() });
  for (;;) {
    const release = tryLock(path, mine);
    if (release !== undefined) return release;
    if (performance.now() >= endMs) {
      throw new HiveError("TIMEOUT", `Process ${holderOf(path)?.pid ?? "unknown"} is still at it: ${path} is locked`);
    }
    await pause(LOOK_EVERY_MS);
  }
}

/** Undefined while another holds it. */
function tryLock(path: string, mine: string, depth = 0): (() => void) | undefined {
  if (createWhole(path, mine)) {
    return () => {
      if (contentOf(path) === mine) rmSync(path, { force: true });
    };
  }
  if (depth < BREAK_DEPTH_MAX && isStale(path)) breakStale(path, mine, depth);
  return undefined;
}

/**
 * Removes a lock whose holder is dead. Only who holds the lock on breaking may: looking and removing are two steps, and between
 * them another could break the same lock and take it; then this one would remove a lock that is held.
 */
function breakStale(path: string, mine: string, depth: number): void {
  const release = tryLock(`${path}.break`, mine, depth + 1);
  if (release === undefined) return;
  try {
    if (isStale(path)) rmSync(path, { force: true });
  } finally {
    release();
  }
}

function isStale(path: string): boolean {
  if (contentOf(path) === undefined) return false;
  const holder = holderOf(path);
  return holder === undefined || !isAlive(holder);
}

function holderOf(path: string): PidRecord | undefined {
  return parsePidRecord(contentOf(path) ?? "");
}

/** A link, since it appears with its content: nobody ever reads a lock whose holder is still to be written. */
function createWhole(path: string, content: string): boolean {
  const aside = `${path}.${randomUUID()}`;
  try {
    writeFileSync(aside, content, { mode: 0o600, flag: "wx" });
    linkSync(aside, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw cannot(`lock ${path}`, "Give this user access to its directory, or use another --state-dir", error);
  } finally {
    rmSync(aside, { force: true });
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
