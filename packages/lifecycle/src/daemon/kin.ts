import { readdirSync, readFileSync } from "node:fs";
import { identify, type ProcessIdentity, readStat } from "../processes/identity.ts";
import { DAEMON_MARK, type DaemonPlaces } from "./places.ts";

/**
 * The live processes that belong to a daemon, itself and this process left out: those of its session, and those that carry its
 * mark in their environment, which also finds what left the session, or what outlived a daemon that was killed. Another daemon that
 * it started carries a mark of its own and is not among them. Reads `/proc`; without it there are none to be found.
 *
 * @param pid the daemon's while it is known to be alive. Afterwards its number may be a stranger's: then only the mark counts.
 */
export function kinOf(pid: number | undefined, places: Pick<DaemonPlaces, "mark">): ProcessIdentity[] {
  if (process.platform !== "linux") return [];
  const session = pid !== undefined && identify(pid)?.session === pid ? pid : undefined;
  const mark = `${DAEMON_MARK}=${places.mark}`;
  return readdirSync("/proc")
    .map(Number)
    .filter((other) => other > 1 && other !== pid && other !== process.pid)
    .filter((other) => {
      const carried = markOf(other);
      if (carried !== undefined) return carried === mark;
      return session !== undefined && readStat(other)?.session === session;
    })
    .map(identify)
    .filter((found) => found !== undefined);
}

/** Undefined for a process without a mark, or of another user. */
function markOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .find((variable) => variable.startsWith(`${DAEMON_MARK}=`));
  } catch {
    return undefined;
  }
}
