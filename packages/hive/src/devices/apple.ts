import type { DeviceInfo } from "@hive-registry/contract";
import type { Clock } from "../clock.ts";
import { type Accelerator, type Display, metalLimitBytes, parseAccelerators, parseDisplays } from "./apple-tools.ts";
import type { Memory } from "./memory.ts";
import { keepReading, type Look } from "./reading.ts";
import type { Run, Running } from "./run.ts";
import type { DeviceSource, FoundDevice } from "./source.ts";

export interface AppleDeps {
  readonly clock: Clock;
  readonly run: Run;
  readonly memory: () => Memory;
}

const ANSWER_LIMIT_MS = 10_000;

/** What was seen in one look. */
interface Seen {
  readonly displays: readonly Display[];
  readonly accelerators: readonly Accelerator[];
  readonly wiredLimit: string | undefined;
}

/**
 * The GPUs of a Mac: their names once from system_profiler, their numbers each time from ioreg. Which process holds how
 * much is told by nobody, and temperature and power only to root.
 */
export function startApple({ clock, run, memory }: AppleDeps, options: { readonly periodMs: number }): DeviceSource {
  let running: Running | undefined;
  let displays: readonly Display[] | undefined;
  let wiredLimit: string | undefined;

  async function ask(command: string, args: readonly string[]): Promise<Look<string>> {
    running = run(command, args, ANSWER_LIMIT_MS);
    const { text, problem } = await running.answer;
    if (problem === undefined) return { value: text };
    await running.ended;
    return { trouble: problem };
  }

  async function look(): Promise<Look<Seen>> {
    if (displays === undefined) {
      const listed = await ask("system_profiler", ["SPDisplaysDataType", "-json"]);
      if ("trouble" in listed) return listed;
      displays = parseDisplays(listed.value);
      if (displays === undefined) return { trouble: "system_profiler printed something else than JSON" };
      // A Mac with an Intel processor does not know it.
      const limit = await ask("sysctl", ["-n", "iogpu.wired_limit_mb"]);
      if ("value" in limit) wiredLimit = limit.value;
    }
    const live = await ask("ioreg", ["-r", "-d", "1", "-w", "0", "-c", "IOAccelerator"]);
    return "trouble" in live ? live : { value: { displays, accelerators: parseAccelerators(live.value), wiredLimit } };
  }

  const limitMs = 3 * ANSWER_LIMIT_MS;
  const reading = keepReading(clock, { what: "ioreg", periodMs: options.periodMs, limitMs }, look);
  const found = (): FoundDevice[] => {
    const seen = reading.last() ?? { displays: displays ?? [], accelerators: [], wiredLimit };
    return seen.displays.map((display, index) => toDevice(display, index, seen, memory(), reading.isStale()));
  };
  return {
    devices: found,
    notes: () => [
      ...[reading.trouble()].filter((note) => note !== undefined),
      ...found()
        .filter(({ unified }) => unified)
        .map(({ info }) => `${info.name} uses the machine's memory: its VRAM is the part that Metal may have`),
    ],
    processes: async () => undefined,
    settled: () => reading.settled,
    async stop() {
      reading.stop();
      running?.kill();
    },
  };
}

function toDevice(display: Display, index: number, seen: Seen, memory: Memory, stale: boolean): FoundDevice {
  const { name, vram_bytes } = display;
  const own = seen.accelerators.find(({ model }) => model === name);
  const live = stale ? undefined : (own ?? (seen.displays.length === 1 ? seen.accelerators[0] : undefined));
  const unified = vram_bytes === undefined;
  const limit = metalLimitBytes(memory.total_bytes, seen.wiredLimit);
  const used = live?.in_use_bytes ?? null;
  const info: DeviceInfo = {
    id: `metal-${index}`,
    backend: "metal",
    name,
    vram_total_bytes: vram_bytes ?? limit,
    vram_free_bytes: unified && used !== null ? Math.max(0, limit - used) : null,
    utilization_percent: live?.utilization_percent ?? null,
    temperature_c: null,
    power_w: null,
    uuid: null,
    driver: null,
  };
  return { index, info, ...(unified && { unified }) };
}
