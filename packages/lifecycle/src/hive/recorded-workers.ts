import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePidRecord } from "../pid-file.ts";
import { identify, isAlive, type ProcessIdentity } from "../processes/identity.ts";

/** More files than a hive runs workers: no directory makes a stop take for ever. */
const RECORDS_MAX = 4_096;

/**
 * The live workers that a hive wrote down in `STATE_DIR/workers/HIVE_ID/`, one JSON file each: `pid`, `start_time` and, so that a
 * restart of the machine is noticed, `machine_boot`. Workers lead process groups of their own, so they are not found through their
 * hive's. Without a start time none is: a pid alone may be anybody's.
 */
export function recordedWorkers(stateDir: string, hiveId: string): ProcessIdentity[] {
  const directory = join(stateDir, "workers", hiveId);
  return namesIn(directory)
    .filter((name) => /\.(json|pid)$/.test(name))
    .slice(0, RECORDS_MAX)
    .flatMap((name) => {
      const record = parsePidRecord(contentOf(join(directory, name)));
      if (record === undefined || record.start_time === null || !isAlive(record)) return [];
      return identify(record.pid) ?? [];
    });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
