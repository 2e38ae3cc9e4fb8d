import { type From, whole } from "@hive-registry/command";

/** When a hive that is not heard is given up, and how slowly the queen believes that. */
export interface LivenessSettings {
  /** 0 keeps silent hives. */
  readonly evictAfterMs: number;
  readonly silentAfterMs: number;
  /** Of all hives a window, 1–100. */
  readonly evictSharePercent: number;
  /** 0: never freeze. */
  readonly freezeMaxMs: number;
}

export const LIVENESS_VARIABLES = {
  evict_after_ms: "HIVE_EVICT_AFTER_MS",
  silent_after_ms: "HIVE_SILENT_AFTER_MS",
  evict_share_percent: "HIVE_EVICT_SHARE_PERCENT",
  freeze_max_ms: "HIVE_FREEZE_MAX_MS",
} as const;
export type LivenessSettingName = keyof typeof LIVENESS_VARIABLES;

/** Flags and what they mean, for `--help`. */
export const LIVENESS_FLAGS: readonly (readonly [flag: string, meaning: string])[] = [
  ["--evict-after-ms <ms>", "forget hives silent for longer; 0 never (default: 300000)"],
  ["--silent-after-ms <ms>", "a hive that was not heard for so long is offline (default: 30000)"],
  ["--evict-share-percent <n>", "forget no more than this share of all hives at a time (default: 15)"],
  ["--freeze-max-ms <ms>", "forget nobody for so long when most hives fall silent together; 0 never (default: 600000)"],
];

export const DEFAULT_LIVENESS: LivenessSettings = {
  evictAfterMs: 300_000,
  silentAfterMs: 30_000,
  evictSharePercent: 15,
  freezeMaxMs: 600_000,
};
const DAY_MS = 86_400_000;

export function readLivenessSettings(from: From<LivenessSettingName>): LivenessSettings {
  const { evictAfterMs, silentAfterMs, evictSharePercent, freezeMaxMs } = DEFAULT_LIVENESS;
  return {
    evictAfterMs: from("evict_after_ms", whole(0, Number.MAX_SAFE_INTEGER), evictAfterMs),
    silentAfterMs: from("silent_after_ms", whole(200, DAY_MS), silentAfterMs),
    evictSharePercent: from("evict_share_percent", whole(1, 100), evictSharePercent),
    freezeMaxMs: from("freeze_max_ms", whole(0, DAY_MS), freezeMaxMs),
  };
}
