import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HiveError } from "@hive-registry/contract/errors";
import { Tail } from "./tail.ts";

/** Of each of a program's two outputs the end is kept. */
export const OUTPUT_BYTES_MAX = 65_536;

/** What is sent to a program's stdin, one after the other. */
export type Input = readonly (string | { readonly file: string })[];

export interface ProgramSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What is thrown when there is no such program. Default: `SSH_MISSING`. */
  readonly missing?: () => HiveError;
  /** What it does, for messages: "asking the machine what it has". */
  readonly what: string;
  readonly input?: Input;
  /** After so long without an end, and without a byte of input taken, it is ended. */
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ProgramRan {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of this machine to its end, in a session of its own: it cannot ask anything on a terminal, and it is ended together with
 * what it started.
 *
 * @throws {HiveError} `CANCELLED` as soon as the signal is raised; `TIMEOUT` with its last words; `SSH_MISSING` when there is no such program.
 */
export async function runProgram(spec: ProgramSpec): Promise<ProgramRan> {
  throwIfCancelled(spec);
  const program = await startProgram(spec);
  const { promise: givenUp, reject: giveUp } = promiseOf<never>();
  const timeIsUp = () => giveUp(tookTooLong(spec, program));
  let limit = setTimeout(timeIsUp, spec.limitMs);
  const cancel = () => giveUp(cancelled(spec));
  spec.signal?.addEventListener("abort", cancel, { once: true });
  if (spec.signal?.aborted === true) cancel();
  const taken = () => {
    clearTimeout(limit);
    limit = setTimeout(timeIsUp, spec.limitMs);
  };
  const fed = feed(program, spec.input ?? [], taken);
  try {
    const [ran] = await Promise.race([Promise.all([program.ended, fed]), givenUp]);
    return ran;
  } finally {
    clearTimeout(limit);
    spec.signal?.removeEventListener("abort", cancel);
    program.kill();
  }
}

export interface Program {
  readonly stdin: NodeJS.WritableStream;
  /** Never rejects but with `SSH_MISSING`. */
  readonly ended: Promise<ProgramRan>;
  stdoutSoFar(): string;
  stderrSoFar(): string;
  /** Called after each piece of its output. */
  onOutput(listener: () => void): void;
  /** Ends it with all it started; nothing when it has ended. */
  kill(): void;
}

/** @throws {HiveError} `SSH_MISSING` */
export async function startProgram(spec: Pick<ProgramSpec, "command" | "args" | "env" | "missing">): Promise<Program> {
  // Takes longer to load than all else here, and who only looks at the fleet never needs it.
  const { execa } = await import("execa");
  const child = execa(spec.command, [...spec.args], {
    env: definedOf(spec.env),
    extendEnv: false,
    stdin: "pipe",
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });
  const stdout = new Tail(OUTPUT_BYTES_MAX);
  const stderr = new Tail(OUTPUT_BYTES_MAX);
  const listeners: (() => void)[] = [];
  const gather = (tail: Tail) => (chunk: Buffer) => {
    tail.add(chunk);
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", gather(stdout));
  child.stderr.on("data", gather(stderr));
  // A program that ends before it has read everything is no fault of ours; its exit tells.
  child.stdin.on("error", () => undefined);
  let over = false;
  const ended = endOf(child, spec.missing ?? sshMissing).then(
    (code) => {
      over = true;
      return { code, stdout: stdout.text(), stderr: stderr.text() };
    },
    (error: unknown) => {
      over = true;
      throw error;
    },
  );
  // Who looks at it later finds the same; nobody looking is no crash.
  ended.catch(() => undefined);
  return {
    stdin: child.stdin,
    ended,
    stdoutSoFar: () => stdout.text(),
    stderrSoFar: () => stderr.text(),
    onOutput: (listener) => listeners.push(listener),
    kill: () => {
      if (over || child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended in between.
      }
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

async function endOf(
  child: PromiseLike<{ readonly exitCode?: number | undefined; readonly code?: string | undefined }>,
  missing: () => HiveError,
): Promise<number | undefined> {
  const result = await child;
  if (result.code === "ENOENT" && result.exitCode === undefined) throw missing();
  return result.exitCode;
}

const sshMissing = (): HiveError =>
  new HiveError("SSH_MISSING", "The program ssh is not installed beside the queen: install OpenSSH's client");

async function feed(program: Program, input: Input, taken: () => void): Promise<void> {
  const bytes = async function* () {
    for (const part of input) {
      if (typeof part === "string") yield Buffer.from(part);
      else yield* createReadStream(part.file);
    }
  };
  const source = Readable.from(bytes(), { objectMode: false });
  source.on("data", taken);
  // When it ends early, its exit says why; a file that cannot be read is ours to tell.
  await pipeline(source, program.stdin).catch((error: unknown) => {
    if (isFileFault(error)) throw error;
  });
}

const isFileFault = (error: unknown): boolean =>
  error instanceof Error &&
  "syscall" in error &&
  (error.syscall === "open" || error.syscall === "read") &&
  "path" in error;

function throwIfCancelled(spec: ProgramSpec): void {
  if (spec.signal?.aborted === true) throw cancelled(spec);
}

const cancelled = ({ what }: ProgramSpec): HiveError => new HiveError("CANCELLED", `It was cancelled: ${what}`);

function tookTooLong({ what, limitMs }: ProgramSpec, program: Program): HiveError {
  return new HiveError("TIMEOUT", `${what}: nothing came for ${Math.round(limitMs / 1_000)} s, so it was given up`, {
    details: { output_tail: program.stderrSoFar().trim().slice(-4_096) },
  });
}

const definedOf = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

function promiseOf<T>(): { readonly promise: Promise<T>; readonly reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((_, no) => {
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, reject };
}
