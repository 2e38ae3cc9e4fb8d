import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where one hive keeps what it writes. Several hives may share a state folder. */
export interface Places {
  readonly pidFile: string;
  readonly workerPidsDir: string;
  readonly logsDir: string;
  readonly modelsDir: string;
}

export const placesIn = (stateDir: string, hiveId: string): Places => ({
  pidFile: join(stateDir, `hive-${fileNameOf(hiveId)}.pid`),
  workerPidsDir: join(stateDir, "workers", fileNameOf(hiveId)),
  logsDir: join(stateDir, "logs"),
  modelsDir: join(stateDir, "models"),
});

export const workerLogPath = (logsDir: string, workerId: string): string =>
  join(logsDir, `worker-${fileNameOf(workerId)}.log`);

/** A file name for any id: the id itself where it can be one, else what is left of it and a hash that tells it apart. */
export function fileNameOf(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(id)) return id;
  const readable = id.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 60);
  return `${readable}~${createHash("sha256").update(id).digest("hex").slice(0, 12)}`;
}
