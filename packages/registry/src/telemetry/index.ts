/**
 * What hives, the fleet and models were like over time, in bounded memory.
 *
 * @module
 */
export { MODELS_KEPT, type ModelRequest, type ModelTelemetry, OTHER_MODELS } from "./models.ts";
export { FLEET_KINDS, type FleetSeries, HIVE_KINDS, type HiveSeries, MODEL_KINDS, type ModelSeries } from "./series.ts";
export { LONG_STEP_MS, LONG_STEPS_KEPT, STEP_MS, STEPS_KEPT, type StepWindow, windowOf } from "./steps.ts";
export {
  type Beat,
  type FleetCounts,
  type FleetSeriesValues,
  type HiveSeriesValues,
  Telemetry,
  type TelemetryWindow,
} from "./telemetry.ts";
