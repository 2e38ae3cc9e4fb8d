import type { MachineInfo, ManagedWorker, WorkerPhase } from "@hive-registry/contract";

const PHASES: readonly WorkerPhase[] = ["starting", "ready", "backoff", "stopping", "failed"];

/** The hive's own numbers in Prometheus' text format. Unknown numbers are left out. */
export function metricsText(machine: MachineInfo, workers: readonly ManagedWorker[]): string {
  const families: string[] = [];
  const gauge = (
    name: string,
    help: string,
    samples: readonly (readonly [labels: string, value: number | null])[],
  ): void => {
    const known = samples.filter(([, value]) => value !== null);
    if (known.length === 0) return;
    const lines = known.map(([labels, value]) => `${name}${labels} ${value}`);
    families.push(`# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("\n")}\n`);
  };
  const byDevice = (value: (device: MachineInfo["devices"][number]) => number | null) =>
    machine.devices.map((device) => [`{device=${quoted(device.id)}}`, value(device)] as const);

  gauge(
    "hive_agent_workers",
    "Workers by phase.",
    PHASES.map((phase) => [`{phase="${phase}"}`, workers.filter((one) => one.phase === phase).length]),
  );
  gauge(
    "hive_agent_worker_restarts",
    "Restarts of each worker.",
    workers
      .filter(({ managed }) => managed)
      .map(({ worker, restarts }) => [`{worker_id=${quoted(worker.worker_id)}}`, restarts]),
  );
  gauge("hive_agent_cpu_percent", "Use of the machine's cores.", [["", machine.cpu.percent]]);
  gauge("hive_agent_ram_total_bytes", "Memory of the machine.", [["", machine.ram_total_bytes]]);
  gauge("hive_agent_ram_available_bytes", "Memory that new programs can have.", [["", machine.ram_available_bytes]]);
  gauge(
    "hive_agent_device_memory_total_bytes",
    "Memory of each device.",
    byDevice((device) => device.vram_total_bytes),
  );
  gauge(
    "hive_agent_device_memory_free_bytes",
    "Free memory of each device.",
    byDevice((device) => device.vram_free_bytes),
  );
  gauge(
    "hive_agent_device_utilization_percent",
    "Use of each device.",
    byDevice((device) => device.utilization_percent),
  );
  return families.join("");
}

const quoted = (text: string): string => JSON.stringify(text);
