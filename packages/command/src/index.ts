/**
 * What every command of the project does alike.
 *
 * @module
 */
export { cannotListen, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./exit.ts";
export { createLog, LOG_LEVELS, type LogLevel } from "./log.ts";
export { defaultConfigFile, defaultStateDir, type Environment } from "./places.ts";
export {
  type From,
  host,
  oneOf,
  optional,
  path,
  port,
  type Reader,
  SettingError,
  settingsFrom,
  text,
  textList,
  whole,
  yesOrNo,
} from "./settings.ts";
export { stopSignals } from "./signals.ts";
export { bearsToken, isLoopback, readToken } from "./token.ts";
