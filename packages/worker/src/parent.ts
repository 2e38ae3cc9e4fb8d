import { fstatSync } from "node:fs";
import type { Readable } from "node:stream";

const LOOK_EVERY_MS = 1_000;

export interface ParentDeps {
  readonly stdin: Readable & { readonly fd?: number };
  /** Id of the parent process as it is now. */
  readonly ppid: () => number;
}

/**
 * Calls `onGone` once when the parent process is gone: its end of our stdin closed, or we have another parent now.
 * A stdin that is no pipe (a terminal, /dev/null) tells nothing and is left alone. Returns the function that stops looking.
 */
export function watchParent(deps: ParentDeps, onGone: () => void): () => void {
  const parent = deps.ppid();
  const gone = (): void => {
    stop();
    onGone();
  };
  const timer = setInterval(() => {
    if (deps.ppid() !== parent) gone();
  }, LOOK_EVERY_MS);
  timer.unref();
  const piped = deps.stdin.fd === undefined || isPipe(deps.stdin.fd);
  if (piped) {
    deps.stdin.once("end", gone);
    deps.stdin.once("error", gone);
    deps.stdin.resume();
  }
  const stop = (): void => {
    clearInterval(timer);
    deps.stdin.off("end", gone);
    deps.stdin.off("error", gone);
  };
  return stop;
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}
