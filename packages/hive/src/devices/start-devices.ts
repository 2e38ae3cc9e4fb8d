import type { Log } from "@hive-registry/command";
import type { Clock } from "../clock.ts";
import { startAmd } from "./amd.ts";
import { startApple } from "./apple.ts";
import { startCards } from "./card-source.ts";
import { cardsOf, nvidiaCount, VENDOR } from "./drm-cards.ts";
import { type Files, systemFiles } from "./files.ts";
import { intelSysfs } from "./intel.ts";
import { type Memory, readMemory } from "./memory.ts";
import { startNvidia } from "./nvidia.ts";
import { type Run, runWith } from "./run.ts";
import type { DeviceSource } from "./source.ts";

export interface DevicesDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly files?: Files;
  readonly run?: Run;
  readonly memory?: () => Memory;
}

export interface DevicesOptions {
  /** The nvidia-smi to run. */
  readonly nvidiaSmi: string;
  readonly periodMs: number;
  readonly platform?: NodeJS.Platform;
}

/** Devices are listed more often than a machine's memory changes in a way that matters. */
const MEMORY_FRESH_MS = 500;

/**
 * Starts a source for each kind of accelerator that this platform can have. Each goes on by itself: one that hangs holds
 * up no other. Numbers are unique on the machine: NVIDIA's GPUs have nvidia-smi's, then come AMD's, then Intel's.
 */
export function startDevices(deps: DevicesDeps, options: DevicesOptions): DeviceSource[] {
  const { clock, random, log, files = systemFiles, run = runWith(clock) } = deps;
  const { periodMs, platform = process.platform } = options;
  const memory = remembered(clock, deps.memory ?? readMemory);
  if (platform === "darwin") return [startApple({ clock, run, memory }, { periodMs })];
  const nvidia = startNvidia({ clock, random, log, memory, files }, { command: options.nvidiaSmi, periodMs });
  if (platform !== "linux") return [nvidia];
  const firstAmd = nvidiaCount(files);
  const firstIntel = firstAmd + cardsOf(VENDOR.amd, files).length;
  return [
    nvidia,
    startAmd({ clock, files, run, memory }, { periodMs, firstNumber: firstAmd }),
    startCards({ clock }, { periodMs, firstNumber: firstIntel }, intelSysfs(files, clock)),
  ];
}

function remembered(clock: Clock, read: () => Memory): () => Memory {
  let last: { readonly memory: Memory; readonly atMs: number } | undefined;
  return () => {
    const nowMs = clock.nowMs();
    if (last === undefined || nowMs - last.atMs >= MEMORY_FRESH_MS) last = { memory: read(), atMs: nowMs };
    return last.memory;
  };
}
