/**
 * What every command of the project does alike. Who has to start fast and needs neither logs nor settings from files imports
 * `@hive-registry/command/places`, `/program`, `/token` or `/values`; who tells numbers to Prometheus, `/metrics`.
 *
 * @module
 */
export { cannotListen, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./exit.ts";
export { createLog, LOG_LEVELS, type Log, type LogLevel } from "./log.ts";
export { defaultConfigFile, defaultStateDir, type Environment, hiveIdOfThisMachine } from "./places.ts";
export { PROGRAM_FILE } from "./program.ts";
export { type From, settingsFrom } from "./settings.ts";
export { stopSignals } from "./signals.ts";
export {
  bearerOf,
  bearsToken,
  isLoopback,
  readToken,
  sha256,
  type TokenCheck,
  type TokenHeaders,
  tokenCheck,
  tokenHash,
} from "./token.ts";
export {
  host,
  oneOf,
  optional,
  path,
  port,
  type Reader,
  SettingError,
  text,
  textList,
  whole,
  yesOrNo,
} from "./values.ts";
