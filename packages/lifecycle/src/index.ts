export { DAEMON_MARK, DAEMON_NAME_PATTERN, makeStateDir } from "./daemon/places.ts";
export { type DaemonSpec, type DaemonStarted, startDaemon } from "./daemon/start.ts";
export { type DaemonStatus, daemonStatus } from "./daemon/status.ts";
export { type DaemonStop, GRACE_MS_DEFAULT, stopDaemon } from "./daemon/stop.ts";
export { freePort } from "./hive/free-port.ts";
export {
  environmentOfHive,
  type LocalHive,
  type LocalHiveStarted,
  readLog,
  type StartLocalHive,
  startLocalHive,
  statusLocalHive,
  stopLocalHive,
} from "./hive/local-hive.ts";
export { takeLock } from "./lock.ts";
export { LOG_BYTES_MAX, openLog, readTail, TAIL_BYTES_MAX } from "./log-file.ts";
export { type PidRecord, readPidFile, recordOf, removePidFile, writePidFile } from "./pid-file.ts";
export { identify, isAlive, type ProcessIdentity } from "./processes/identity.ts";
export { type Artifact, type Artifacts, artifactsBeside } from "./remote/artifacts.ts";
export type {
  HiveSettings,
  Installed,
  Machine,
  Preflight,
  ResolvedHost,
  SshHost,
  StartedHive,
  Waiting,
} from "./remote/machine.ts";
export { openMachine } from "./remote/open-machine.ts";
