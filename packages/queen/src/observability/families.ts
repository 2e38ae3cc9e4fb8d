import type { Family } from "@hive-registry/command/metrics";
import { FLEET_FAMILIES } from "./fleet-families.ts";
import { GATEWAY_FAMILIES } from "./gateway-families.ts";
import { HIVE_FAMILIES } from "./hive-families.ts";
import { LIVENESS_FAMILIES } from "./liveness-families.ts";
import type { QueenReading } from "./reading.ts";

/** All metrics of the queen's own: the text of docs/reference/metrics.md. */
export const FAMILIES: readonly Family<QueenReading>[] = [
  ...FLEET_FAMILIES,
  ...LIVENESS_FAMILIES,
  ...HIVE_FAMILIES,
  ...GATEWAY_FAMILIES,
];
