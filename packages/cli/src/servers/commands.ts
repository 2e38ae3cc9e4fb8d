import { fileURLToPath } from "node:url";
import { PROGRAM_FILE } from "@hive-registry/command/program";

/** What the command starts as processes, and where their programs are. */
export type ServerName = "queen" | "hive";

/** `node`, and the program's path. */
export function serverCommand(server: ServerName): readonly string[] {
  const index = import.meta.resolve(`@hive-registry/${server}`);
  return [process.execPath, fileURLToPath(new URL(`./${PROGRAM_FILE}`, index))];
}
