import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { eventually, within } from "./eventually.ts";

/** A process that a test has started and that goes on. */
export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  stdout(): string;
  stderr(): string;
  /** Waits until stdout holds this, and gives the match. Fails at once when the process ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** What a process that has ended has left. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** What it reads from stdin; without it stdin is empty. */
  readonly input?: string;
}

/** Starts this Node with `args`. */
export function startNode(program: Program): Started {
  return startProgram(process.execPath, program);
}

/** Starts `command` in a process group of its own, as a terminal would: Ctrl-C of who runs the tests stays outside. */
export function startProgram(command: string, { args, env, cwd, input }: Program): Started {
  const child = spawn(command, args, { env, cwd, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  let ended = false;
  exited.then(
    () => {
      ended = true;
    },
    () => undefined,
  );
  const all = () => `${args.join(" ")}\nstdout: ${texts.stdout}\nstderr: ${texts.stderr}`;
  return {
    pid: child.pid ?? 0,
    child,
    exited,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    says: (pattern) =>
      eventually(`${pattern} from ${args.slice(0, 3).join(" ")}`, () => {
        const found = pattern.exec(texts.stdout);
        if (found === null && ended) throw new Error(`ended before it said ${pattern}: ${all()}`);
        return found ?? undefined;
      }),
    end(signal = "SIGTERM") {
      child.kill(signal);
      return within(`the end of ${all()} after ${signal}`, exited);
    },
  };
}

/** Pids whose environment holds `mark`: what a workplace has started, whoever started it there. */
export function pidsWith(mark: string): number[] {
  if (process.platform === "linux") {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => readOr(`/proc/${name}/environ`, "").split("\0").includes(mark) && !isZombie(name))
      .map(Number);
  }
  const { stdout } = spawnSync("ps", ["axeww", "-o", "pid=,command="], { encoding: "utf8" });
  return stdout
    .split("\n")
    .filter((line) => line.includes(mark))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => pid > 1 && pid !== process.pid);
}

/** Its words, as it was started; empty when it is gone. */
export function commandOf(pid: number): string {
  if (process.platform === "linux") return readOr(`/proc/${pid}/cmdline`, "").replaceAll("\0", " ").trim();
  return spawnSync("ps", ["-p", String(pid), "-o", "command="], { encoding: "utf8" }).stdout.trim();
}

export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isZombie(String(pid));
}

/** Waits until none of them is there. */
export async function gone(...pids: readonly number[]): Promise<void> {
  await eventually(`the end of ${pids.map((pid) => `${pid} (${commandOf(pid)})`).join(", ")}`, () => !pids.some(lives));
}

function isZombie(pid: string): boolean {
  const stat = readOr(`/proc/${pid}/stat`, "");
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) === "Z";
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
