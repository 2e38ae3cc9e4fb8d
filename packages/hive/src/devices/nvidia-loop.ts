import type { spawn as nodeSpawn } from "node:child_process";
import type { Clock } from "../clock.ts";
import { Lines } from "../lines.ts";
import { failureNote, type GpuSample, parseGpuLine } from "./nvidia-smi.ts";
import { notStarted, tryStart } from "./run.ts";

/** Busy machines answer late: 2 s proved too short, and even 5 s. */
export const ANSWER_LIMIT_MS = 10_000;
/** The lines of one round come together; after so much silence the round is whole. */
export const ROUND_QUIET_MS = 250;

export interface LoopOptions {
  readonly command: string;
  readonly columns: readonly string[];
  /** Whole seconds. */
  readonly periodMs: number;
}

export interface LoopListener {
  /** All GPUs that were named in one round, by index. */
  round(gpus: GpuSample[]): void;
  /** It says nothing any more, and was killed; it may take long to be gone. */
  hung(note: string): void;
}

export interface LoopEnd {
  /** Exit status; null after a signal, or when it never ran. */
  readonly code: number | null;
  /** There is no such program here. */
  readonly missing: boolean;
  /** Why it ended; undefined after exit 0. */
  readonly note: string | undefined;
}

/**
 * Runs one `nvidia-smi -l` and reads what it prints, until it ends: a call of its own for each sample costs up to seconds
 * and has hung cards. `ended` resolves when its process is gone, which one that hangs in the driver may never be.
 */
export function runLoop(
  { clock, spawn }: { readonly clock: Clock; readonly spawn: typeof nodeSpawn },
  { command, columns, periodMs }: LoopOptions,
  listener: LoopListener,
): { readonly ended: Promise<LoopEnd>; kill(): void } {
  const args = [`--query-gpu=${columns.join(",")}`, "--format=csv,noheader,nounits", "-l", String(periodMs / 1_000)];
  const child = tryStart(() => spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] }));
  if (typeof child === "string") {
    const end: LoopEnd = { code: null, missing: false, note: notStarted("nvidia-smi", child) };
    return { ended: Promise.resolve(end), kill: () => {} };
  }
  const lines = new Lines();
  let gpus: GpuSample[] = [];
  let firstWords = "";
  let hung: string | undefined;
  let cancelQuiet: () => void = () => {};
  let cancelLimit: () => void = () => {};

  const awaitAnswer = (limitMs: number): void => {
    cancelLimit();
    cancelLimit = clock.after(limitMs, () => {
      hung = `nvidia-smi did not answer for ${Math.round(limitMs / 1_000)} s`;
      listener.hung(hung);
      child.kill("SIGKILL");
    });
  };
  const finishRound = (): void => {
    cancelQuiet();
    if (gpus.length > 0) listener.round(gpus.sort((a, b) => a.index - b.index));
    gpus = [];
  };
  const read = (line: string): void => {
    const sample = parseGpuLine(line, columns);
    if (sample === undefined) {
      if (firstWords === "") firstWords = line.trim();
      return;
    }
    if (gpus.some(({ index }) => index === sample.index)) finishRound();
    gpus.push(sample);
    cancelQuiet();
    cancelQuiet = clock.after(ROUND_QUIET_MS, finishRound);
    awaitAnswer(periodMs + ANSWER_LIMIT_MS);
  };

  awaitAnswer(ANSWER_LIMIT_MS);
  child.stdout?.setEncoding("utf8").on("data", (text: string) => lines.push(text).forEach(read));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (firstWords === "") firstWords = text.split("\n")[0]?.trim() ?? "";
  });
  const ended = new Promise<LoopEnd>((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      cancelLimit();
      resolve({ code: null, missing: error.code === "ENOENT", note: notStarted("nvidia-smi", error.code) });
    });
    child.on("close", (code, signal) => {
      lines.flush().forEach(read);
      cancelLimit();
      finishRound();
      const note = code === 0 ? undefined : (hung ?? failureNote(code, signal, firstWords));
      resolve({ code, missing: false, note });
    });
  });
  return { ended, kill: () => void child.kill("SIGKILL") };
}
