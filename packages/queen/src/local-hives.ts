import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PROGRAM_FILE } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";
import { readLog, startLocalHive, statusLocalHive, stopLocalHive } from "@hive-registry/lifecycle";
import type { Clock } from "./core/clock.ts";
import type { LocalHives } from "./core/local-hives.ts";

/** Hives as processes of this machine, started and stopped by the lifecycle package. */
export function hivesOfThisMachine(
  deps: { readonly clock: Clock /** Where a hive reaches this queen. */; readonly queenUrl: () => string },
  options: { readonly stateDir: string; readonly tokenFile: string | undefined },
): LocalHives {
  const state_dir = options.stateDir;
  const token = options.tokenFile === undefined ? {} : { token_file: options.tokenFile };
  return {
    start: (hive_id, port) =>
      startLocalHive(
        { nowMs: deps.clock.nowMs, env: process.env },
        { hive_id, port, queen_url: deps.queenUrl(), state_dir, command: [process.execPath, agentProgram()], ...token },
      ),
    stop: (hive_id) => stopLocalHive({ hive_id, state_dir }),
    isRunning: (hive_id) => statusLocalHive({ hive_id, state_dir }).state === "running",
    log: (hive_id, tail_bytes) => readLog({ hive_id, state_dir, tail_bytes }),
  };
}

/** The agent's program, where its package is installed beside this one. */
function agentProgram(): string {
  try {
    const index = createRequire(import.meta.url).resolve("@hive-registry/hive");
    return join(dirname(index), PROGRAM_FILE);
  } catch (cause) {
    throw new HiveError("AGENT_MISSING", "The package @hive-registry/hive is not installed beside the queen", {
      cause,
    });
  }
}
