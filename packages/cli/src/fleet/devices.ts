import type { DeviceInfo, MachineInfo } from "@hive-registry/client";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { type Column, table } from "../output/table.ts";
import { oneLine } from "../output/text.ts";
import { bytes, count, percent } from "../output/units.ts";
import { chosenHive, type HiveChoice, type HiveDeps } from "./local-hive.ts";

/** `hive devices` shows what a machine computes with: this one, or the one of `--hive ID`. */
export async function devices(
  deps: HiveDeps & Pick<CommandDeps, "print" | "look">,
  flags: JsonFlag & HiveChoice,
): Promise<void> {
  const hive = await chosenHive(deps, flags);
  const machine = await hive.devices();
  if (flags.json) return deps.print(JSON.stringify(machine));
  deps.print(summary(machine));
  deps.print(
    machine.devices.length === 0
      ? "No GPU found: workers run on the CPU. If there is one, its driver must be loaded; for NVIDIA, `nvidia-smi` must work for the user that runs the hive."
      : table(machine.devices, COLUMNS, deps.look),
  );
  for (const note of machine.notes ?? []) deps.print(`Note: ${oneLine(note)}`);
}

function summary({ cpu, ram_available_bytes, ram_total_bytes, os, arch }: MachineInfo): string {
  const use = cpu.percent === null ? "" : `, ${percent(cpu.percent)} busy`;
  const memory = `${bytes(ram_available_bytes)} of ${bytes(ram_total_bytes)} RAM free`;
  return oneLine(`${cpu.model}, ${count(cpu.cores, "core")}${use}; ${memory}; ${os} ${arch}`);
}

const COLUMNS: readonly Column<DeviceInfo>[] = [
  // What `--device` takes.
  { title: "DEVICE", align: "right", value: ({ index }) => index?.toString() },
  { title: "ID", value: (device) => device.id },
  { title: "BACKEND", value: (device) => device.backend },
  { title: "NAME", value: (device) => device.name, shrinks: true },
  { title: "VRAM", align: "right", value: (device) => bytes(device.vram_total_bytes) },
  { title: "FREE", align: "right", value: (device) => bytes(device.vram_free_bytes) },
  { title: "USE", align: "right", value: (device) => percent(device.utilization_percent) },
  { title: "TEMP", align: "right", value: ({ temperature_c: t }) => (t === null ? undefined : `${Math.round(t)} °C`) },
  { title: "POWER", align: "right", value: ({ power_w: w }) => (w === null ? undefined : `${Math.round(w)} W`) },
  { title: "DRIVER", value: (device) => device.driver ?? undefined },
];
