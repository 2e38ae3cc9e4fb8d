import { type From, whole, yesOrNo } from "@hive-registry/command";
import { DEFAULT_ON_DEMAND_LIMITS, type OnDemandLimits } from "../placement/on-demand.ts";

/** Whether models are started for those who ask for them, and for how long. */
export interface OnDemandSettings {
  readonly onDemand: OnDemandLimits;
}

export const ON_DEMAND_VARIABLES = {
  on_demand: "HIVE_ON_DEMAND",
  on_demand_wait_ms: "HIVE_ON_DEMAND_WAIT_MS",
  idle_ttl_ms: "HIVE_IDLE_TTL_MS",
} as const;
export type OnDemandSettingName = keyof typeof ON_DEMAND_VARIABLES;

/** Flags and what they mean, for `--help`. */
export const ON_DEMAND_FLAGS: readonly (readonly [flag: string, meaning: string])[] = [
  ["--on-demand <yes|no>", "start a model of a hive's library when somebody asks for it (default: yes)"],
  ["--on-demand-wait-ms <ms>", "how long a request waits for a model that is started for it (default: 300000)"],
  [
    "--idle-ttl-ms <ms>",
    "a worker that was started so ends when nobody used it for so long; 0: never (default: 600000)",
  ],
];

const DAY_MS = 86_400_000;

export function readOnDemandSettings(from: From<OnDemandSettingName>): OnDemandSettings {
  const { enabled, waitMs, idleMs } = DEFAULT_ON_DEMAND_LIMITS;
  return {
    onDemand: {
      enabled: from("on_demand", yesOrNo, enabled),
      waitMs: from("on_demand_wait_ms", whole(0, DAY_MS), waitMs),
      idleMs: from("idle_ttl_ms", whole(0, 30 * DAY_MS), idleMs),
    },
  };
}
