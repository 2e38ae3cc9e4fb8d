import { by, type Family, one } from "@hive-registry/command/metrics";
import { VERSION } from "../version.ts";
import { byModel, MODELS_MAX } from "./bounded.ts";
import type { QueenReading } from "./reading.ts";

const GB = 1e9;
const UP_TO = `beyond ${MODELS_MAX} models summed up`;

/** The fleet as a whole, whatever its size. */
export const FLEET_FAMILIES: readonly Family<QueenReading>[] = [
  {
    ...{ name: "hive_registry_build_info", kind: "gauge", labels: ["version", "node"], help: "Always 1." },
    read: () => [{ labels: { version: VERSION, node: process.versions.node }, value: 1 }],
  },
  {
    ...{ name: "hive_registry_uptime_seconds", kind: "gauge", labels: [], help: "Since the queen's start." },
    read: ({ stats }) => one(stats.uptime_ms / 1_000),
  },
  {
    ...{ name: "hive_registry_workers", kind: "gauge", labels: ["state"], help: "Workers that are known, by state." },
    read: ({ stats: { workers } }) => by("state", { idle: workers.idle, busy: workers.busy, loading: workers.loading }),
  },
  {
    ...{ name: "hive_registry_workers_set_aside", kind: "gauge", labels: [] },
    help: "Workers that failed a request and did not show since that they work.",
    read: ({ stats }) => one(stats.workers.set_aside),
  },
  {
    ...{ name: "hive_registry_fleet_worker_changes_total", kind: "counter", labels: ["change"] },
    help: "What happened to workers; state: from one of idle, busy and loading to another.",
    read: ({ changes }) => by("change", changes.workers),
  },
  {
    ...{
      name: "hive_registry_vram_used_bytes",
      kind: "gauge",
      labels: [],
      help: "VRAM of all workers that report it.",
    },
    read: ({ stats }) => one(stats.vram_used_gb * GB),
  },
  {
    ...{ name: "hive_registry_ram_used_bytes", kind: "gauge", labels: [], help: "RAM of all workers that report it." },
    read: ({ stats }) => one(stats.ram_used_gb * GB),
  },
  {
    ...{ name: "hive_registry_watchers", kind: "gauge", labels: [], help: "Open watch streams." },
    read: ({ stats }) => one(stats.watchers),
  },
  {
    ...{ name: "hive_registry_events_total", kind: "counter", labels: [] },
    help: "Events that were written to the log of what happened.",
    read: ({ events_total }) => one(events_total),
  },
  {
    ...{ name: "hive_registry_webhook_events_total", kind: "counter", labels: ["outcome"] },
    help: "Events for the webhook's receiver; forgotten are those that were no longer kept when it was there again.",
    read: ({ webhook }) =>
      webhook === undefined
        ? []
        : by("outcome", { delivered: webhook.delivered, refused: webhook.refused, forgotten: webhook.forgotten }),
  },
  {
    ...{ name: "hive_registry_webhook_failed_tries_total", kind: "counter", labels: [] },
    help: "Times that the webhook's receiver took nothing, and was tried again.",
    read: ({ webhook }) => one(webhook?.failed_tries),
  },
  {
    ...{ name: "hive_registry_webhook_waiting_events", kind: "gauge", labels: [] },
    help: "Events that the webhook's receiver does not have yet.",
    read: ({ webhook }) => one(webhook?.waiting),
  },
  {
    ...{ name: "hive_registry_model_workers", kind: "gauge", labels: ["model"] },
    help: `Workers that have the model; ${UP_TO}.`,
    read: ({ models }) => byModel(models.map(({ model, workers }) => [model, workers])),
  },
  {
    ...{ name: "hive_registry_model_idle_workers", kind: "gauge", labels: ["model"] },
    help: `Workers that have the model and are ready for work now; ${UP_TO}.`,
    read: ({ models }) => byModel(models.map(({ model, idle_workers }) => [model, idle_workers])),
  },
  {
    ...{ name: "hive_registry_model_slots_free", kind: "gauge", labels: ["model"] },
    help: `Free slots of the workers that are ready for work; ${UP_TO}.`,
    read: ({ models }) => byModel(models.map(({ model, slots_free }) => [model, slots_free])),
  },
  {
    ...{ name: "hive_registry_metrics_limited", kind: "gauge", labels: ["subject"] },
    help: "1 when the fleet has more of these than metrics_hives_max or metrics_workers_max: they are not told one by one.",
    read: ({ stats, hives, tells_workers }) =>
      by("subject", { hives: hives.length < stats.hives.total ? 1 : 0, workers: tells_workers ? 0 : 1 }),
  },
];
