/**
 * Every hive and every inference worker of a fleet, in memory: who is online, where is room, which worker is best.
 *
 * @module
 */
export { systemClock } from "./clock.ts";
export { RevisionGapError } from "./errors.ts";
export { DEFAULT_LIMITS, type LivenessLimits } from "./liveness.ts";
export { HiveRegistry, type HiveRegistryOptions } from "./registry.ts";
export { POLICIES, type Policy, type Reservation, type ReserveRequest } from "./scheduler/types.ts";
export type * from "./types.ts";
