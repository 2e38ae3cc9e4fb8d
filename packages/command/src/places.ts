import { homedir, hostname } from "node:os";
import { isAbsolute, join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_STATE_HOME/hive`, by default `~/.local/state/hive`. */
export const defaultStateDir = (env: Environment): string =>
  join(absolute(env.XDG_STATE_HOME) ?? join(homedir(), ".local", "state"), "hive");

/** A file in `$XDG_CONFIG_HOME/hive`, by default `~/.config/hive`. */
export const defaultConfigFile = (env: Environment, name: string): string =>
  join(absolute(env.XDG_CONFIG_HOME) ?? join(homedir(), ".config"), "hive", name);

/** The XDG rules say to ignore a relative path. */
const absolute = (path: string | undefined): string | undefined =>
  path !== undefined && isAbsolute(path) ? path : undefined;

/** What this machine's hive is called unless it is told otherwise: the host name, where need be made to fit an id. */
export function hiveIdOfThisMachine(): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);
  return name === "" ? "hive" : name;
}
