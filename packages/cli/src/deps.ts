import type { HiveAgentClient, HiveClient } from "@hive-registry/client";
import type { Progress } from "./output/progress.ts";
import type { Look } from "./output/table.ts";

/** What a command may use. `main.ts` alone makes the real one; a test hands in what its story needs. */
export interface CommandDeps {
  readonly client: HiveClient;
  /** A client of the hive at `url`, with the fleet's token. */
  hiveAt(url: string): HiveAgentClient;
  /** A line to stdout. */
  print(line: string): void;
  /** A line to stderr: about the answer, not part of it. */
  note(line: string): void;
  progress(): Progress;
  readonly look: Look;
  nowMs(): number;
}

/** Only what a command names of `CommandDeps`, and only the calls that it makes. */
export type Uses<Calls extends keyof HiveClient, Rest extends keyof CommandDeps> = {
  readonly client: Pick<HiveClient, Calls>;
} & Pick<CommandDeps, Rest>;

export interface JsonFlag {
  readonly json?: boolean;
}
