export { type HiveDeps, type HiveOptions, type RunningHive, startHive } from "./agent.ts";
export { readSettings, SettingError, type Settings } from "./config/settings.ts";
export { readToken } from "./config/token.ts";
export { type HivePid, runningHive } from "./pid-file.ts";
export { runAgent } from "./run-agent.ts";
