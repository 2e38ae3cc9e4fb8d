export { type HiveDeps, type HiveOptions, type RunningHive, startHive } from "./agent.ts";
export { type Given, readSettings, type Settings } from "./config/settings.ts";
export { type Examined, examine } from "./examine.ts";
export { type HivePid, runningHive } from "./pid-file.ts";
export { runAgent } from "./run-agent.ts";
