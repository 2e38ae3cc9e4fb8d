import { setTimeout as pause } from "node:timers/promises";
import { HiveError } from "@hive-registry/contract/errors";

/** Waits for real processes look this often. */
const LOOK_EVERY_MS = 10;

/**
 * Signals one process, or with `-group` a process group. That it is gone already is no error.
 *
 * @throws {HiveError} `FORBIDDEN` when it is another user's.
 */
export function signal(target: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(target, name);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ESRCH") return;
    if (code !== "EPERM") throw cause;
    throw new HiveError("FORBIDDEN", `Process ${Math.abs(target)} belongs to another user, who alone can end it`, {
      cause,
    });
  }
}

/** Looks until `done`, for at most `limitMs`. Answers whether it came to that. */
export async function until(done: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() >= endMs) return false;
    await pause(LOOK_EVERY_MS);
  }
  return true;
}
