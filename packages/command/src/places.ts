import { homedir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_STATE_HOME/hive`, by default `~/.local/state/hive`. */
export const defaultStateDir = (env: Environment): string =>
  join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "hive");

/** A file in `$XDG_CONFIG_HOME/hive`, by default `~/.config/hive`. */
export const defaultConfigFile = (env: Environment, name: string): string =>
  join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "hive", name);
