import type { Clock } from "../clock.ts";
import { type AmdSmiGpu, parseAmdSmi } from "./amd-smi.ts";
import { amdSysfs, tellsMemory } from "./amd-sysfs.ts";
import { startCards } from "./card-source.ts";
import { cardsOf, VENDOR } from "./drm-cards.ts";
import type { Files } from "./files.ts";
import type { Memory } from "./memory.ts";
import { keepReading, type Look } from "./reading.ts";
import type { Run, Running } from "./run.ts";
import type { DeviceSource } from "./source.ts";

export interface AmdDeps {
  readonly clock: Clock;
  readonly files: Files;
  readonly run: Run;
  readonly memory: () => Memory;
}

export interface AmdOptions {
  readonly periodMs: number;
  /** Of the first AMD GPU. */
  readonly firstNumber: number;
}

const COMMAND = "amd-smi";
const ANSWER_LIMIT_MS = 10_000;
/** A Python program that takes up to a second of CPU time for each answer. */
const TOOL_PERIOD_MS = 30_000;

/** AMD GPUs: from /sys, or from amd-smi where there are some of which /sys does not tell the memory. */
export function startAmd(deps: AmdDeps, options: AmdOptions): DeviceSource {
  const { files } = deps;
  const some = cardsOf(VENDOR.amd, files).length > 0 || files.names("/dev").includes("kfd");
  return some && !tellsMemory(files)
    ? startAmdSmi(deps, options)
    : startCards(deps, options, amdSysfs(files, deps.memory));
}

function startAmdSmi({ clock, run }: AmdDeps, { firstNumber }: AmdOptions): DeviceSource {
  let running: Running | undefined;
  let fixed: string | undefined;

  async function ask(args: readonly string[]): Promise<Look<string>> {
    running = run(COMMAND, [...args, "--json"], ANSWER_LIMIT_MS);
    const { text, problem } = await running.answer;
    if (problem === undefined) return { value: text };
    await running.ended;
    return { trouble: problem };
  }

  async function look(): Promise<Look<readonly AmdSmiGpu[]>> {
    if (fixed === undefined) {
      const names = await ask(["static", "--asic", "--bus", "--driver"]);
      if ("value" in names) fixed = names.value;
    }
    const numbers = await ask(["metric"]);
    if ("trouble" in numbers) return numbers;
    const gpus = parseAmdSmi(numbers.value, fixed);
    return gpus === undefined ? { trouble: `${COMMAND} printed something else than JSON` } : { value: gpus };
  }

  const limitMs = 3 * ANSWER_LIMIT_MS;
  const reading = keepReading(clock, { what: COMMAND, periodMs: TOOL_PERIOD_MS, limitMs }, look);
  const unknown = { vram_free_bytes: null, utilization_percent: null, temperature_c: null, power_w: null };
  return {
    devices: () =>
      (reading.last() ?? []).map(({ index, info, pci_address }) => ({
        index: firstNumber + index,
        runtime_index: index,
        info: reading.isStale() ? { ...info, ...unknown } : info,
        ...(pci_address !== undefined && { pci_address }),
      })),
    notes: () => [reading.trouble()].filter((note) => note !== undefined),
    processes: async () => undefined,
    settled: () => reading.settled,
    async stop() {
      reading.stop();
      running?.kill();
    },
  };
}
