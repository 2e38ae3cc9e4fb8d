/**
 * Fleets that do not exist: over real sockets against a real queen, or on a clock of their own.
 *
 * @module
 */
export { type FakeFleet, type FakeFleetOptions, startFakeFleet } from "./fleet/fake-fleet.ts";
export { FakeHive, type FakeHiveDeps, type FakeHiveOptions } from "./fleet/fake-hive.ts";
export {
  type FakeWorker,
  type FakeWorkerCounts,
  type FakeWorkerOptions,
  type SeenRequest,
  startFakeWorker,
} from "./fleet/fake-worker.ts";
export { FAULT_KINDS, type Fault, type FaultScope } from "./fleet/fault.ts";
export { LAWS, type Law } from "./liveness/laws.ts";
export { type LivenessOutcome, simulateLiveness } from "./liveness/simulate-liveness.ts";
export type { Trouble as LivenessTrouble } from "./liveness/trouble.ts";
export { type Random, randomFrom } from "./random.ts";
export {
  CONTROL_PATH,
  type Emulator,
  type EmulatorOptions,
  type EmulatorStatus,
  startEmulator,
} from "./servers/emulator.ts";
export { EMULATOR_STATES, type EmulatorState } from "./servers/kind.ts";
export { EMULATOR_KINDS, type EmulatorKind } from "./servers/kinds/kinds.ts";
export { EMULATOR_FAULTS, type EmulatorFault, type EmulatorOrder } from "./servers/order.ts";
export type { Outcome } from "./world/outcome.ts";
export { DEFAULT_SCENARIO, type Scenario, type Trouble, WAYS, type Way } from "./world/scenario.ts";
export { simulate, simulateCentral } from "./world/simulate.ts";
export type { SharedPrompts } from "./world/workload.ts";
