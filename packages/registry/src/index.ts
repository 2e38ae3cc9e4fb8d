/**
 * Every hive and every inference worker of a fleet, in memory: who is online, where is room, which worker is best.
 *
 * @module
 */
export type { SubscribeOptions } from "./changes/change-feed.ts";
export type { WorkerChange } from "./changes/worker-changes.ts";
export { systemClock } from "./clock.ts";
export { RevisionGapError } from "./errors.ts";
export type { BrakeOptions } from "./liveness/brakes.ts";
export { DEFAULT_PACE, type HeartbeatPace, heartbeatIntervalMs } from "./liveness/pace.ts";
export { DEFAULT_LIMITS, type LivenessLimits } from "./liveness/status.ts";
export { type ModelAliases, ModelNames } from "./models/model-names.ts";
export { normalModelName } from "./models/normal-name.ts";
export { HiveRegistry, type HiveRegistryOptions } from "./registry.ts";
export { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "./scheduler/breaker.ts";
export {
  type Candidate,
  type ExplainLook,
  type Explanation,
  type HeldPlace,
  OUTCOMES,
  type Outcome,
  POLICIES,
  type Policy,
  REASONS,
  type Reason,
  type Reservation,
  type ReserveRequest,
} from "./scheduler/types.ts";
export type * from "./types.ts";
export { takesFleetToken } from "./workers/fleet-token.ts";
