import { readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { defaultConfigFile, defaultStateDir, type Environment } from "@hive-registry/command";

/** Where things lie on this machine, one hive for each account. */
export interface Places {
  /** This program: `~/.local/share/hive/VERSION/hive.mjs`. */
  readonly program: string;
  /** What this program's folder is called: `0.1.0-3f1c9a7be204`. */
  readonly version: string;
  /** The inference engine that was brought beside it, as its link names it: `../engines/3f1c9a7be204/node_modules`. Undefined without one. */
  readonly engine?: string;
  /** What the hive is to be like, without secrets. */
  readonly settings_file: string;
  readonly join_token_file: string;
  readonly state_dir: string;
  /** What the hive was started with, so that a second start knows whether anything is new. */
  readonly started_file: string;
  readonly lock_file: string;
}

export function placesFor(program: string, env: Environment): Places {
  const state_dir = defaultStateDir(env);
  const engine = linkAt(join(dirname(program), "node_modules"));
  return {
    program,
    version: basename(dirname(program)),
    ...(engine === undefined ? {} : { engine }),
    settings_file: defaultConfigFile(env, "machine.json"),
    join_token_file: defaultConfigFile(env, "join-token"),
    state_dir,
    started_file: join(state_dir, "machine.started.json"),
    lock_file: join(state_dir, "machine.lock"),
  };
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
