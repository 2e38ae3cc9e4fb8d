import { by, type Family, one } from "@hive-registry/command/metrics";
import type { QueenReading } from "./reading.ts";

/** Who is there, and how far the queen trusts herself about it. */
export const LIVENESS_FAMILIES: readonly Family<QueenReading>[] = [
  {
    ...{ name: "hive_registry_hives", kind: "gauge", labels: ["status"], help: "Hives that are known, by status." },
    read: ({ stats: { hives } }) => by("status", { alive: hives.alive, suspect: hives.suspect, silent: hives.silent }),
  },
  {
    ...{ name: "hive_registry_hives_held_back", kind: "gauge", labels: [] },
    help: "Hives that would be evicted by now but for the brakes.",
    read: ({ stats: { liveness } }) => one(liveness.held_back),
  },
  {
    ...{ name: "hive_registry_liveness_frozen", kind: "gauge", labels: [] },
    help: "1 while nobody is evicted, because most of the fleet fell silent together.",
    read: ({ stats: { liveness } }) => one(liveness.frozen_until_ms === undefined ? 0 : 1),
  },
  {
    ...{ name: "hive_registry_liveness_grace", kind: "gauge", labels: [] },
    help: "1 while nobody counts as quiet, because the queen has just started, or stood still.",
    read: ({ stats: { liveness } }) => one(liveness.grace_until_ms === undefined ? 0 : 1),
  },
  {
    ...{ name: "hive_registry_hive_changes_total", kind: "counter", labels: ["change"] },
    help: "What happened to hives; flapping: one began to come and go.",
    read: ({ changes }) => by("change", changes.hives),
  },
  {
    ...{ name: "hive_registry_fleet_changes_total", kind: "counter", labels: ["change"] },
    help: "What the queen thought of herself; stalled: her process stood still.",
    read: ({ changes }) => by("change", changes.fleet),
  },
  {
    ...{ name: "hive_registry_heartbeats_total", kind: "counter", labels: ["result"] },
    help: "Heartbeats and leases that came; refused are those that were not newer than what is known.",
    read: ({ heartbeats }) => by("result", { accepted: heartbeats.accepted, refused: heartbeats.refused }),
  },
  {
    ...{ name: "hive_registry_heartbeat_interval_seconds", kind: "gauge", labels: [] },
    help: "How often hives are asked to beat; longer in a large fleet.",
    read: ({ heartbeat_interval_ms }) => one(heartbeat_interval_ms / 1_000),
  },
];
