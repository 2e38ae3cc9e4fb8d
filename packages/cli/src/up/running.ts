import { ClientError, type HiveClient } from "@hive-registry/client";
import { CommandError } from "../failure.ts";
import { leftBehind, runningUp } from "./state.ts";
import { alreadyRuns, type Names } from "./text.ts";

export interface RunningDeps {
  clientAt(url: string): Pick<HiveClient, "stats">;
  nowMs(): number;
  readonly names: Names;
}

/**
 * What runs already and where, in words; undefined when nothing is in the way of a new `up`.
 *
 * @throws {CommandError} when another program has the port.
 */
export async function whatRuns(
  deps: RunningDeps,
  at: { readonly stateDir: string; readonly port: number; readonly listen?: string | undefined },
): Promise<string | undefined> {
  const state = runningUp(at.stateDir);
  if (state !== undefined) return alreadyRuns(state, deps.nowMs(), deps.names);

  const left = leftBehind(at.stateDir);
  if (left.length > 0) {
    const what = left.map(({ url, process }) => `${url ?? "a server"} (process ${process.pid})`).join(", ");
    return `An earlier hive up was killed, and what it started still runs: ${what}.\n${deps.names.command} down  ends it.`;
  }
  if (at.port === 0) return undefined;
  const url = `http://${at.listen === undefined || at.listen === "0.0.0.0" || at.listen === "::" ? "127.0.0.1" : at.listen}:${at.port}`;
  if (!URL.canParse(url)) return undefined;
  return (await isQueen(deps, url, at.port))
    ? `A queen runs already at ${url}. ${deps.names.command} agent  adds this machine to it.`
    : undefined;
}

async function isQueen(deps: RunningDeps, url: string, port: number): Promise<boolean> {
  try {
    await deps.clientAt(url).stats({ timeoutMs: 2_000 });
    return true;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === "QUEEN_UNREACHABLE") return false;
    // A queen of another fleet: it only does not talk to us.
    if (error.code === "UNAUTHENTICATED" || error.code === "FORBIDDEN" || error.code === "SHUTTING_DOWN") return true;
    throw new CommandError(`Port ${port} is taken by another program. Choose another: hive up --port ${port + 1}`);
  }
}
