import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { defaultConfigFile, defaultStateDir, type Environment } from "@hive-registry/command";

/** Where things lie on this machine, one hive for each account. */
export interface Places {
  /** This program: `~/.local/share/hive/VERSION/hive.mjs`. */
  readonly program: string;
  /** The same by the link that an update moves, where that leads here; else as {@link program}. */
  readonly current_program: string;
  /** What this program's folder is called: `0.1.0-3f1c9a7be204`. */
  readonly version: string;
  /** What the hive is to be like, without secrets. */
  readonly settings_file: string;
  readonly join_token_file: string;
  readonly state_dir: string;
  /** What the hive was started with, so that a second start knows whether anything is new. */
  readonly started_file: string;
  readonly lock_file: string;
}

export function placesFor(program: string, env: Environment): Places {
  const current = join(dataDir(env), "current", basename(program));
  const state_dir = defaultStateDir(env);
  return {
    program,
    current_program: existsSync(current) && realpathSync(current) === program ? current : program,
    version: basename(dirname(program)),
    settings_file: defaultConfigFile(env, "machine.json"),
    join_token_file: defaultConfigFile(env, "join-token"),
    state_dir,
    started_file: join(state_dir, "machine.started.json"),
    lock_file: join(state_dir, "machine.lock"),
  };
}

/** `$XDG_DATA_HOME/hive`, by default `~/.local/share/hive`. A relative one is passed over, as the XDG rules say. */
function dataDir(env: Environment): string {
  const given = env.XDG_DATA_HOME;
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), ".local", "share"), "hive");
}
