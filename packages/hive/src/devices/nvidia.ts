import { type ChildProcess, spawn as nodeSpawn } from "node:child_process";
import type { Log } from "@hive-registry/command";
import type { DeviceInfo } from "@hive-registry/contract";
import { type Backoff, backoffMs } from "../backoff.ts";
import { type Clock, within } from "../clock.ts";
import { Lines } from "../lines.ts";
import type { Memory } from "./memory.ts";
import { COLUMNS, COLUMNS_BASIC, failureNote, type GpuSample, parseComputeApps, parseGpuLine } from "./nvidia-smi.ts";
import type { DeviceSource, FoundDevice, ProcessMemory } from "./source.ts";

/** Busy machines answer late: 2 s proved too short, and even 5 s. */
const ANSWER_LIMIT_MS = 10_000;
/** The lines of one round come together; after so much silence the round is whole. */
const ROUND_QUIET_MS = 250;
/** So many rounds may fail before the last numbers count as unknown. */
const STALE_ROUNDS = 3;
/** A probe that ran so long was well; its next failure is the first again. */
const RAN_WELL_MS = 60_000;
const RESTART: Backoff = { firstMs: 2_000, capMs: 60_000 };
const COMPUTE_APPS_BYTES_MAX = 1_048_576;
const STOP_LIMIT_MS = 1_000;

export interface NvidiaDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** The machine's memory: what a GPU without its own uses. */
  readonly memory: () => Memory;
  readonly spawn?: typeof nodeSpawn;
}

export interface NvidiaOptions {
  /** The nvidia-smi to run. */
  readonly command: string;
  readonly periodMs: number;
}

/**
 * Reads NVIDIA GPUs from one long-lived `nvidia-smi -l`: a call of its own for each sample costs up to seconds and has
 * hung cards. When it fails or hangs, the last numbers stay for a few rounds, then become unknown; the devices stay.
 */
export function startNvidia(deps: NvidiaDeps, options: NvidiaOptions): DeviceSource {
  const { clock, log } = deps;
  const spawn = deps.spawn ?? nodeSpawn;
  const periodMs = Math.max(1_000, Math.round(options.periodMs / 1_000) * 1_000);

  let columns: readonly string[] = COLUMNS;
  let last: readonly GpuSample[] = [];
  let lastAtMs = Number.NEGATIVE_INFINITY;
  let trouble: string | undefined;
  let failures = 0;
  let probe: ChildProcess | undefined;
  let stopped = false;
  let cancelRestart: () => void = () => {};
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });

  function launch(): void {
    const child = spawn(
      options.command,
      [`--query-gpu=${columns.join(",")}`, "--format=csv,noheader,nounits", "-l", String(periodMs / 1_000)],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    probe = child;
    const startedMs = clock.nowMs();
    const lines = new Lines();
    let round: GpuSample[] = [];
    let firstWords = "";
    let hung = false;
    let cancelQuiet: () => void = () => {};
    let cancelLimit: () => void = () => {};

    const awaitAnswer = (limitMs: number): void => {
      cancelLimit();
      cancelLimit = clock.after(limitMs, () => {
        hung = true;
        trouble = `nvidia-smi did not answer for ${Math.round(limitMs / 1_000)} s`;
        log.warn({ limit_ms: limitMs }, trouble);
        settle();
        // One that hangs in the driver cannot be killed; the next starts only when this one is gone.
        child.kill("SIGKILL");
      });
    };
    const finishRound = (): void => {
      cancelQuiet();
      if (round.length === 0) return;
      last = round.sort((a, b) => a.index - b.index);
      lastAtMs = clock.nowMs();
      trouble = undefined;
      round = [];
      settle();
    };
    const read = (line: string): void => {
      const sample = parseGpuLine(line, columns);
      if (sample === undefined) {
        if (firstWords === "") firstWords = line.trim();
        return;
      }
      if (round.some(({ index }) => index === sample.index)) finishRound();
      round.push(sample);
      cancelQuiet();
      cancelQuiet = clock.after(ROUND_QUIET_MS, finishRound);
      awaitAnswer(periodMs + ANSWER_LIMIT_MS);
    };

    awaitAnswer(ANSWER_LIMIT_MS);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => lines.push(text).forEach(read));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (firstWords === "") firstWords = text.split("\n")[0]?.trim() ?? "";
    });
    let startError: NodeJS.ErrnoException | undefined;
    child.on("error", (error: NodeJS.ErrnoException) => {
      startError = error;
      if (child.pid === undefined) ended(null, null);
    });
    child.on("close", ended);

    function ended(code: number | null, signal: NodeJS.Signals | null): void {
      if (probe !== child) return;
      probe = undefined;
      lines.flush().forEach(read);
      cancelLimit();
      finishRound();
      if (stopped) return;
      if (startError?.code === "ENOENT") {
        log.info("no nvidia-smi here: no NVIDIA GPUs are looked for");
        settle();
        return;
      }
      if (code === 2 && columns === COLUMNS) {
        columns = COLUMNS_BASIC;
        launch();
        return;
      }
      if (startError !== undefined) trouble = `nvidia-smi could not be started (${startError.code ?? "unknown error"})`;
      else if (code !== 0 && !hung) trouble = failureNote(code, signal, firstWords);
      settle();
      failures = code === 0 || clock.nowMs() - startedMs >= RAN_WELL_MS ? 0 : failures + 1;
      const waitMs = code === 0 ? periodMs : backoffMs(failures - 1, RESTART, deps.random);
      if (trouble !== undefined && failures === 1) log.warn({ retry_in_ms: Math.round(waitMs) }, trouble);
      cancelRestart = clock.after(waitMs, launch);
    }
  }

  const isStale = (): boolean => clock.nowMs() - lastAtMs > STALE_ROUNDS * periodMs + ROUND_QUIET_MS;

  let asking: Promise<readonly ProcessMemory[] | undefined> | undefined;

  /** One at a time: while one hangs, the answer is "unknown". */
  function processes(): Promise<readonly ProcessMemory[] | undefined> {
    if (asking !== undefined || stopped || last.length === 0) return Promise.resolve(undefined);
    const { answer, ended } = askComputeApps({ spawn, clock }, options.command);
    asking = answer;
    void ended.then(() => {
      asking = undefined;
    });
    return answer;
  }

  launch();
  return {
    devices: () => last.map((gpu) => toDevice(gpu, isStale(), deps.memory)),
    notes: () => [...(trouble === undefined ? [] : [trouble]), ...last.flatMap(remarks)],
    processes,
    settled: () => settled,
    async stop() {
      stopped = true;
      cancelRestart();
      settle();
      const child = probe;
      if (child === undefined) return;
      const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
      child.kill("SIGKILL");
      await within(clock, STOP_LIMIT_MS, gone);
    },
  };
}

function toDevice(gpu: GpuSample, stale: boolean, memory: () => Memory): FoundDevice {
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
  return { index: gpu.index, info };
}

function remarks(gpu: GpuSample): string[] {
  const name = `GPU ${gpu.index} (${gpu.name})`;
  return [
    ...(gpu.unified ? [`${name} has no memory of its own: it uses the machine's`] : []),
    ...(gpu.mig ? [`${name} is divided into parts (MIG): its utilisation is not known`] : []),
  ];
}

function askComputeApps(
  { spawn, clock }: { readonly spawn: typeof nodeSpawn; readonly clock: Clock },
  command: string,
): { readonly answer: Promise<readonly ProcessMemory[] | undefined>; readonly ended: Promise<void> } {
  const child = spawn(command, ["--query-compute-apps=pid,gpu_uuid,used_gpu_memory", "--format=csv,noheader,nounits"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
    if (text.length < COMPUTE_APPS_BYTES_MAX) text += piece;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on("error", () => child.pid === undefined && resolve(null));
    child.on("close", (code) => resolve(code));
  });
  const answer = within(clock, ANSWER_LIMIT_MS, ended).then((code) => {
    if (code === 0) return parseComputeApps(text);
    child.kill("SIGKILL");
    return undefined;
  });
  return { answer, ended: ended.then(() => {}) };
}
