import { type Environment, SettingError } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract/errors";
import { examine, readSettings as readAgentSettings } from "@hive-registry/hive";
import type { Places } from "./places.ts";
import { readJoinToken, settingsOf } from "./settings.ts";

/** What `check` tells. */
export interface Checked {
  readonly version: string;
  readonly hive_id: string;
  readonly queen_url: string;
  /** Names of the GPUs. */
  readonly devices: readonly string[];
  readonly ram_total_bytes: number;
}

/**
 * Whether this version would run with the settings that are there: it reads them and its own file of settings, finds the devices and reaches the
 * queen. Starts nothing and changes nothing, whatever else runs.
 *
 * @throws {HiveError} with the first thing that is in its way.
 */
export async function checkHive(places: Places, env: Environment): Promise<Checked> {
  const { hive_id, queen_url, port } = settingsOf(places);
  const token = readJoinToken(places);
  try {
    const { nvidiaSmi } = readAgentSettings(
      { id: hive_id, queen: [queen_url], port, state_dir: places.state_dir },
      env,
    );
    return { version: places.version, hive_id, ...(await examine({ queen_url, token, nvidiaSmi })) };
  } catch (error) {
    if (error instanceof SettingError) throw new HiveError("MACHINE_FAILED", error.message, { cause: error });
    throw error;
  }
}
