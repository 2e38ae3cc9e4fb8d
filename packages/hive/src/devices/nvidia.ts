import { spawn as nodeSpawn } from "node:child_process";
import type { Log } from "@hive-registry/command";
import type { DeviceInfo } from "@hive-registry/contract";
import { type Backoff, backoffMs } from "../backoff.ts";
import { type Clock, within } from "../clock.ts";
import { nvidiaCount } from "./drm-cards.ts";
import { type Files, noFiles } from "./files.ts";
import type { Memory } from "./memory.ts";
import { ANSWER_LIMIT_MS, ROUND_QUIET_MS, runLoop } from "./nvidia-loop.ts";
import type { MigPart } from "./nvidia-mig.ts";
import { gpusInProc, sharesProcessNumbers } from "./nvidia-proc.ts";
import { NvidiaQuestions } from "./nvidia-questions.ts";
import { COLUMNS, COLUMNS_BASIC, type GpuSample } from "./nvidia-smi.ts";
import { STALE_ROUNDS } from "./reading.ts";
import { runWith } from "./run.ts";
import type { DeviceSource, FoundDevice } from "./source.ts";

/** A probe that ran so long was well; its next failure is the first again. */
const RAN_WELL_MS = 60_000;
const RESTART: Backoff = { firstMs: 2_000, capMs: 60_000 };
const STOP_LIMIT_MS = 1_000;
/** While the probe of all GPUs fails, each is asked by itself once in so many periods: each call has its price. */
const ONE_BY_ONE_PERIODS = 2;
/** The parts of GPU 0 have the numbers from 100, those of GPU 1 from 200: no GPU has one of these. */
const PART_NUMBERS = 100;
/** Parts of GPUs beyond these would have numbers that no worker may have. */
const DIVIDED_GPUS_MAX = 40;

export interface NvidiaDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** The machine's memory: what a GPU without its own uses. */
  readonly memory: () => Memory;
  readonly spawn?: typeof nodeSpawn;
  /** Where the kernel's driver and the bus are looked at; without it nvidia-smi alone is asked. */
  readonly files?: Files;
}

export interface NvidiaOptions {
  /** The nvidia-smi to run. */
  readonly command: string;
  readonly periodMs: number;
}

/** A GPU as it was last seen. */
interface Seen {
  readonly gpu: GpuSample;
  readonly atMs: number;
}

/**
 * Reads NVIDIA GPUs from one long-lived `nvidia-smi -l`. When it fails or hangs, the last numbers stay for a few rounds,
 * then become unknown; the devices stay. Where one lost GPU makes it fail for all, each is asked by itself. When it never
 * worked, the devices are those that the kernel's driver names.
 */
export function startNvidia(deps: NvidiaDeps, options: NvidiaOptions): DeviceSource {
  const { clock, log, memory, files = noFiles, spawn = nodeSpawn } = deps;
  const periodMs = Math.max(1_000, Math.round(options.periodMs / 1_000) * 1_000);
  const questions = new NvidiaQuestions({ clock, run: runWith(clock, spawn) }, { command: options.command, periodMs });
  const known = sharesProcessNumbers(files);

  let columns: readonly string[] = COLUMNS;
  let seen: readonly Seen[] = [];
  let trouble: string | undefined;
  let loop: ReturnType<typeof runLoop> | undefined;
  let stopped = false;
  let cancelPause: () => void = () => {};
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });

  const listener = {
    round(gpus: GpuSample[]): void {
      seen = gpus.map((gpu) => ({ gpu, atMs: clock.nowMs() }));
      trouble = undefined;
      if (gpus.some(({ mig }) => mig)) void questions.refreshParts().then(settle);
      else settle();
    },
    hung(note: string): void {
      trouble = note;
      nameGpus();
      log.warn({ limit_ms: ANSWER_LIMIT_MS }, note);
      settle();
    },
  };

  /** When nothing was ever seen. */
  function nameGpus(): void {
    if (seen.length === 0) seen = gpusInProc(files).map((gpu) => ({ gpu, atMs: Number.NEGATIVE_INFINITY }));
  }

  async function follow(): Promise<void> {
    for (let failures = 0; !stopped; ) {
      const startedMs = clock.nowMs();
      loop = runLoop({ clock, spawn }, { command: options.command, columns, periodMs }, listener);
      const { code, missing, note } = await loop.ended;
      loop = undefined;
      if (stopped) return;
      if (missing) {
        log.info("no nvidia-smi here: no NVIDIA GPUs are looked for");
        if (nvidiaCount(files) > 0)
          trouble = "this machine has an NVIDIA GPU, but there is no nvidia-smi here: it is not used";
        return settle();
      }
      if (code === 2 && columns === COLUMNS) {
        columns = COLUMNS_BASIC;
        continue;
      }
      if (note !== undefined) {
        trouble = note;
        nameGpus();
      }
      settle();
      if (code === 0) failures = 0;
      else failures = clock.nowMs() - startedMs >= RAN_WELL_MS ? 1 : failures + 1;
      const waitMs = code === 0 ? periodMs : backoffMs(failures - 1, RESTART, deps.random);
      if (failures === 1) log.warn({ retry_in_ms: Math.round(waitMs) }, note ?? "nvidia-smi ended");
      await untilNextTry(waitMs, code !== 0);
    }
  }

  /** Where there are several GPUs, those that still answer are read meanwhile. */
  async function untilNextTry(waitMs: number, failed: boolean): Promise<void> {
    const untilMs = clock.nowMs() + waitMs;
    for (;;) {
      if (failed && seen.length > 1) await oneByOne();
      const restMs = untilMs - clock.nowMs();
      if (stopped || restMs <= 0) return;
      await pause(failed && seen.length > 1 ? Math.min(restMs, ONE_BY_ONE_PERIODS * periodMs) : restMs);
    }
  }

  async function oneByOne(): Promise<void> {
    for (const { gpu } of seen) {
      if (stopped || gpu.uuid === null) continue;
      const answer = await questions.askGpu(gpu.uuid, columns);
      // One that is gone from the bus is unknown at once: it itself was asked.
      const now = answer === undefined ? { gpu, atMs: Number.NEGATIVE_INFINITY } : { gpu: answer, atMs: clock.nowMs() };
      seen = seen.map((one) => (one.gpu.uuid === gpu.uuid ? now : one));
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      cancelPause = () => {
        cancel();
        resolve();
      };
    });
  }

  const isStale = ({ atMs }: Seen): boolean => clock.nowMs() - atMs > STALE_ROUNDS * periodMs + ROUND_QUIET_MS;
  const partsOf = (gpu: GpuSample): readonly MigPart[] =>
    gpu.mig && gpu.index < DIVIDED_GPUS_MAX ? questions.parts().filter(({ gpu_uuid }) => gpu_uuid === gpu.uuid) : [];

  function devices(): FoundDevice[] {
    return seen
      .flatMap((one) => {
        const parts = partsOf(one.gpu);
        const stale = isStale(one);
        return parts.length === 0
          ? [wholeGpu(one.gpu, stale, memory)]
          : parts.map((part) => partOfGpu(one.gpu, part, stale || questions.partsAreStale()));
      })
      .sort((a, b) => a.index - b.index);
  }

  function remarks({ gpu }: Seen): string[] {
    const name = `GPU ${gpu.index} (${gpu.name})`;
    return [
      ...(gpu.unified ? [`${name} has no memory of its own: it uses the machine's`] : []),
      ...(gpu.mig && partsOf(gpu).length === 0
        ? [`${name} is to be divided into parts (MIG), but no part of it is known: nothing can run on it`]
        : []),
      ...(gpu.mig && partsOf(gpu).length > 0
        ? [`${name} is divided into parts (MIG): the use of its parts is not known`]
        : []),
    ];
  }

  const foreignNumbers =
    "this hive runs in a container with process numbers of its own: what each worker holds on NVIDIA GPUs is unknown";

  void follow();
  return {
    devices,
    notes: () => [
      ...(trouble === undefined ? [] : [trouble]),
      ...seen.flatMap(remarks),
      ...(seen.length > 0 && !known ? [foreignNumbers] : []),
    ],
    processes: async () =>
      stopped || seen.length === 0 || !known ? undefined : questions.processes(seen.some(({ gpu }) => gpu.mig)),
    settled: () => settled,
    async stop() {
      stopped = true;
      cancelPause();
      settle();
      questions.stop();
      const running = loop;
      running?.kill();
      if (running !== undefined) await within(clock, STOP_LIMIT_MS, running.ended);
    },
  };
}

function wholeGpu(gpu: GpuSample, stale: boolean, memory: () => Memory): FoundDevice {
  const shared = gpu.unified ? memory() : undefined;
  const unlessStale = (value: number | null): number | null => (stale ? null : value);
  const info: DeviceInfo = {
    id: gpu.uuid ?? `cuda-${gpu.index}`,
    backend: "cuda",
    name: gpu.name,
    vram_total_bytes: shared?.total_bytes ?? gpu.memory_total_bytes,
    vram_free_bytes: shared?.available_bytes ?? unlessStale(gpu.memory_free_bytes),
    utilization_percent: unlessStale(gpu.utilization_percent),
    temperature_c: unlessStale(gpu.temperature_c),
    power_w: unlessStale(gpu.power_w),
    uuid: gpu.uuid,
    driver: gpu.driver,
  };
  return { index: gpu.index, info, ...(gpu.unified && { unified: true }) };
}

/** Engines are given a part by its UUID. Power is told of the whole GPU only, and would count once for each part. */
function partOfGpu(gpu: GpuSample, part: MigPart, stale: boolean): FoundDevice {
  const info: DeviceInfo = {
    id: part.uuid,
    backend: "cuda",
    name: `${gpu.name} MIG ${part.profile}`.slice(0, 256),
    vram_total_bytes: part.memory_total_bytes,
    vram_free_bytes: stale ? null : part.memory_free_bytes,
    utilization_percent: null,
    temperature_c: stale ? null : gpu.temperature_c,
    power_w: null,
    uuid: part.uuid,
    driver: gpu.driver,
  };
  return { index: (gpu.index + 1) * PART_NUMBERS + part.index, info };
}
