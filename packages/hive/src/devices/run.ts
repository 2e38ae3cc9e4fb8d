import { type ChildProcess, spawn as nodeSpawn } from "node:child_process";
import type { Clock } from "../clock.ts";

/** Printed beyond this is left out, and the answer counts as none. */
const OUTPUT_LENGTH_MAX = 4 * 1_048_576;
const WORDS_LENGTH_MAX = 300;

/** How a program answered. */
export interface Ran {
  /** What it printed; only to be read when there is no `problem`. */
  readonly text: string;
  /** Why there is no good answer, in words for the operator. */
  readonly problem?: string;
  /** There is no such program here. */
  readonly missing?: true;
}

export interface Running {
  /** Never rejects, and comes within the limit. */
  readonly answer: Promise<Ran>;
  /** The process is gone. One that hangs in a driver cannot be killed: then this stays open. */
  readonly ended: Promise<void>;
  kill(): void;
}

/** Runs a program that only prints something, for at most `limitMs`. */
export type Run = (command: string, args: readonly string[], limitMs: number) => Running;

export const runWith =
  (clock: Clock, spawn: typeof nodeSpawn = nodeSpawn): Run =>
  (command, args, limitMs) => {
    const name = command.split("/").at(-1) ?? command;
    const child = tryStart(() => spawn(command, [...args], { stdio: ["ignore", "pipe", "pipe"] }));
    if (typeof child === "string") {
      const answer = Promise.resolve<Ran>({ text: "", problem: notStarted(name, child) });
      return { answer, ended: Promise.resolve(), kill: () => {} };
    }
    let text = "";
    let errors = "";
    child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
      text += text.length > OUTPUT_LENGTH_MAX ? "" : piece;
    });
    child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
      errors += errors.length > WORDS_LENGTH_MAX ? "" : piece;
    });
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const answer = new Promise<Ran>((resolve) => {
      const cancel = clock.after(limitMs, () => {
        resolve({ text: "", problem: `${name} did not answer for ${Math.round(limitMs / 1_000)} s` });
        child.kill("SIGKILL");
      });
      child.on("error", (error: NodeJS.ErrnoException) => {
        if (child.pid !== undefined) return;
        cancel();
        const problem = notStarted(name, error.code);
        resolve({ text: "", problem, ...(error.code === "ENOENT" && { missing: true }) });
        end();
      });
      child.on("close", (code, signal) => {
        cancel();
        if (code === 0 && text.length <= OUTPUT_LENGTH_MAX) resolve({ text });
        else if (code === 0) resolve({ text: "", problem: `${name} printed too much` });
        else resolve({ text, problem: failureOf(name, { code, signal, words: text.trim() || errors }) });
        end();
      });
    });
    return { answer, ended, kill: () => void child.kill("SIGKILL") };
  };

/** Most failures to start are told as an event; some are thrown, as when there is no memory: then this is their code. */
export function tryStart(spawn: () => ChildProcess): ChildProcess | string {
  try {
    return spawn();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown error";
  }
}

export const notStarted = (name: string, code = "unknown error"): string => `${name} could not be started (${code})`;

/** Why a program failed, in its own words where it has some. */
export function failureOf(
  name: string,
  { code, signal, words }: { readonly code: number | null; readonly signal: string | null; readonly words: string },
): string {
  const how = code === null ? `ended by ${signal ?? "a signal"}` : `exit ${code}`;
  return `${name} failed (${how}): ${firstWords(words) || "it gave no reason"}`;
}

/** The first line that says something, without control characters. */
export function firstWords(text: string): string {
  const line = text.split("\n").find((one) => one.trim() !== "") ?? "";
  return line
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, WORDS_LENGTH_MAX);
}
