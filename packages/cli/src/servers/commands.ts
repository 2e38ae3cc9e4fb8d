import { fileURLToPath } from "node:url";
import { PROGRAM_FILE } from "@hive-registry/command/program";

/** What the command starts as processes, and where their programs are. */
export type ServerName = "queen" | "hive";

/**
 * Flags of Node. What heartbeats tell lives until the next ones come, so the queen's collector copies all that is young, and every
 * question waits meanwhile: 8 to 12 ms with Node's 16 MB for it, 3 to 4 ms with 4 MB, at the price of some more work in all.
 */
const NODE_FLAGS: Readonly<Record<ServerName, readonly string[]>> = {
  queen: ["--max-semi-space-size=4"],
  hive: [],
};

/** `node`, its flags, and the program's path. */
export function serverCommand(server: ServerName): readonly string[] {
  const index = import.meta.resolve(`@hive-registry/${server}`);
  return [process.execPath, ...NODE_FLAGS[server], fileURLToPath(new URL(`./${PROGRAM_FILE}`, index))];
}
