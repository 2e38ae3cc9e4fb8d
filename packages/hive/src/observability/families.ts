import {
  by,
  type Family,
  metricsPage,
  one,
  PROCESS_FAMILIES,
  readProcess,
  type Sample,
} from "@hive-registry/command/metrics";
import type { MachineInfo, ManagedWorker, WorkerPhase } from "@hive-registry/contract";

/** What the hive's metrics are read from. */
export interface HiveReading {
  readonly version: string;
  readonly machine: MachineInfo;
  readonly workers: readonly ManagedWorker[];
  readonly queens: readonly { readonly url: string; readonly connected: boolean }[];
}

type Device = MachineInfo["devices"][number];

const PHASES: readonly WorkerPhase[] = ["starting", "ready", "backoff", "stopping", "failed"];

/** All metrics of the hive's own: the text of docs/reference/metrics.md. The workers' numbers are the queen's to tell. */
export const HIVE_FAMILIES: readonly Family<HiveReading>[] = [
  {
    ...{ name: "hive_registry_agent_build_info", kind: "gauge", labels: ["version"], help: "Always 1." },
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    ...{ name: "hive_registry_agent_workers", kind: "gauge", labels: ["phase"], help: "Workers by phase." },
    read: ({ workers }) =>
      by(
        "phase",
        Object.fromEntries(PHASES.map((phase) => [phase, workers.filter((one) => one.phase === phase).length])),
      ),
  },
  {
    ...{ name: "hive_registry_agent_queen_connected", kind: "gauge", labels: ["queen"] },
    help: "1 while heartbeats reach this queen.",
    read: ({ queens }) => queens.map(({ url, connected }) => ({ labels: { queen: url }, value: connected ? 1 : 0 })),
  },
  {
    ...{ name: "hive_registry_agent_worker_restarts_total", kind: "counter", labels: ["worker_id"] },
    help: "Restarts of each worker that this hive started.",
    read: ({ workers }) =>
      workers
        .filter(({ managed }) => managed)
        .map(({ worker: { worker_id }, restarts }) => ({ labels: { worker_id }, value: restarts })),
  },
  {
    ...{ name: "hive_registry_agent_cpu_usage_ratio", kind: "gauge", labels: [] },
    help: "Share of the machine's cores that is used, 0 to 1.",
    read: ({ machine }) => one(ratio(machine.cpu.percent)),
  },
  {
    ...{ name: "hive_registry_agent_ram_bytes", kind: "gauge", labels: [], help: "Memory of the machine." },
    read: ({ machine }) => one(machine.ram_total_bytes),
  },
  {
    ...{ name: "hive_registry_agent_ram_available_bytes", kind: "gauge", labels: [] },
    help: "Memory of the machine that new programs can have.",
    read: ({ machine }) => one(machine.ram_available_bytes),
  },
  {
    ...{ name: "hive_registry_agent_device_info", kind: "gauge", labels: ["device", "name", "backend"] },
    help: "What each device is. Always 1.",
    read: ({ machine }) =>
      machine.devices.map(({ id, name, backend }) => ({ labels: { device: id, name, backend }, value: 1 })),
  },
  {
    ...{ name: "hive_registry_agent_device_memory_bytes", kind: "gauge", labels: ["device"] },
    help: "Memory of each device.",
    read: byDevice((device) => device.vram_total_bytes),
  },
  {
    ...{ name: "hive_registry_agent_device_memory_free_bytes", kind: "gauge", labels: ["device"] },
    help: "Free memory of each device.",
    read: byDevice((device) => device.vram_free_bytes),
  },
  {
    ...{ name: "hive_registry_agent_device_utilization_ratio", kind: "gauge", labels: ["device"] },
    help: "How busy each device is, 0 to 1.",
    read: byDevice((device) => ratio(device.utilization_percent)),
  },
  {
    ...{ name: "hive_registry_agent_device_temperature_celsius", kind: "gauge", labels: ["device"] },
    help: "How warm each device is.",
    read: byDevice((device) => device.temperature_c),
  },
  {
    ...{ name: "hive_registry_agent_device_power_watts", kind: "gauge", labels: ["device"] },
    help: "What each device draws.",
    read: byDevice((device) => device.power_w),
  },
];

/** The hive's page for Prometheus. Unknown numbers are left out. */
export function metricsText(reading: HiveReading): string {
  return metricsPage(HIVE_FAMILIES, reading) + metricsPage(PROCESS_FAMILIES, readProcess());
}

function byDevice(value: (device: Device) => number | null): (reading: HiveReading) => readonly Sample[] {
  return ({ machine }) => machine.devices.map((device) => ({ labels: { device: device.id }, value: value(device) }));
}

const ratio = (percent: number | null): number | null => (percent === null ? null : percent / 100);
