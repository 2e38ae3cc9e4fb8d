import { readPidFile } from "../pid-file.ts";
import { isAlive } from "../processes/identity.ts";
import { placesOf } from "./places.ts";

export interface DaemonStatus {
  /** `stale`: it ended without saying so, by a crash or a power cut, and may be started again. */
  readonly state: "running" | "stopped" | "stale";
  /** Absent when stopped, as is the rest. */
  readonly pid?: number;
  readonly url?: string;
  readonly since_ms?: number;
}

export function daemonStatus(options: { readonly name: string; readonly state_dir: string }): DaemonStatus {
  const record = readPidFile(placesOf(options.name, options.state_dir).pid_file);
  if (record === undefined) return { state: "stopped" };
  const { pid, url, started_at_ms } = record;
  return {
    state: isAlive(record) ? "running" : "stale",
    pid,
    ...(url === undefined ? {} : { url }),
    since_ms: started_at_ms,
  };
}
