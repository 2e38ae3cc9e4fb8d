import { accessSync, constants, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { HiveError } from "@hive-registry/contract/errors";
import { cannot } from "../faults.ts";

/** Names a daemon within its state directory, and its files there: `queen`, `up`, `hive-desk`. */
export const DAEMON_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$";

/** In the environment of a daemon and of all it starts: which daemon they belong to. */
export const DAEMON_MARK = "HIVE_DAEMON";

export interface DaemonPlaces {
  readonly state_dir: string;
  readonly pid_file: string;
  readonly lock_file: string;
  readonly log_file: string;
  /** The value of {@link DAEMON_MARK}. */
  readonly mark: string;
}

/** @throws {HiveError} `INVALID_REQUEST` for a name that cannot be a file's. */
export function placesOf(name: string, stateDir: string): DaemonPlaces {
  if (!new RegExp(DAEMON_NAME_PATTERN).test(name)) {
    throw new HiveError(
      "INVALID_REQUEST",
      `${JSON.stringify(name)} cannot be a name here: letters, digits, dot, dash, underscore`,
    );
  }
  const state_dir = real(stateDir);
  return {
    state_dir,
    pid_file: join(state_dir, `${name}.pid`),
    lock_file: join(state_dir, `${name}.lock`),
    log_file: join(state_dir, "logs", `${name}.log`),
    mark: join(state_dir, name),
  };
}

/**
 * Makes the state directory, for its owner alone.
 *
 * @throws {HiveError} `INTERNAL`, naming it, when it cannot be made or used.
 */
export function makeStateDir(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    accessSync(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw cannot(
      `use the state directory ${stateDir}`,
      "Give this user access to it, or use another --state-dir",
      cause,
    );
  }
}

/** Two spellings of one directory are one place. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
