import { spawn } from "node:child_process";
import { appendFileSync, closeSync, fstatSync, statSync } from "node:fs";
import { openLog, readTail } from "@hive-registry/lifecycle";
import type { ServerName } from "./commands.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server that was started and is watched over. */
export interface ServerProcess {
  readonly name: ServerName;
  readonly pid: number;
  readonly logFile: string;
  /** The address it prints when it is ready; rejects when it ends before. */
  readonly listening: Promise<string>;
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Its last words, readable; nothing of what others wrote into the log before. */
  tail(): string;
}

export interface ServerStart {
  readonly name: ServerName;
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Gets what the server says too; without it, it goes to the log only. */
  readonly alsoTo?: ((text: string) => void) | undefined;
}

/** A server that prints no line end is not listened to for longer than this. */
const STDOUT_LINE_MAX = 10_000;
const TAIL_BYTES = 8_192;
const TAIL_LINES = 15;

/**
 * Starts a server in a process group of its own: Ctrl-C at a terminal then reaches only us, and we end the servers in the right order.
 * Its stderr goes straight into the log, so that it can go on writing if we are killed.
 */
export function startServer({ name, command, env, logFile, alsoTo }: ServerStart): ServerProcess {
  const log = openLog(logFile);
  const begin = fstatSync(log).size;
  const [program = "", ...args] = command;
  const child = spawn(program, args, { detached: true, env, stdio: ["ignore", "pipe", alsoTo ? "pipe" : log] });
  closeSync(log);
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    appendFileSync(logFile, text);
    alsoTo?.(text);
  });

  const exited = new Promise<Exit>((resolve) => {
    child.on("error", (error) => {
      appendFileSync(logFile, `${error.message}\n`);
      resolve({ code: 127, signal: null });
    });
    // Not "close": what the server started may hold its output open for longer.
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  const listening = new Promise<string>((resolve, reject) => {
    let line = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (line + text).split("\n");
      line = (lines.pop() ?? "").slice(0, STDOUT_LINE_MAX);
      for (const one of lines) {
        const url = /^listening on (https?:\/\/\S+)/.exec(one)?.[1];
        if (url !== undefined) resolve(url);
      }
    });
    exited.then(({ code, signal }) => reject(new Error(`it ended (${signal ?? `exit code ${code}`})`)));
  });
  listening.catch(() => undefined);
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    listening,
    exited,
    kill: (signal) => void child.kill(signal),
    tail: () => readableTail(logFile, begin),
  };
}

/** The last lines of a log, from the byte `begin` on; those in JSON as people write them. */
export function readableTail(path: string, begin: number = 0): string {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  // Smaller than it was: it has been put aside meanwhile.
  const own = size < begin ? size : size - begin;
  const text = readTail(path, Math.min(TAIL_BYTES, own));
  return text.trimEnd().split("\n").slice(-TAIL_LINES).map(readableLine).join("\n");
}

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warning",
  50: "error",
  60: "fatal",
};

/** A line of a pino log as `level: message (error)`; any other line as it is. */
export function readableLine(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: number; msg?: unknown; err?: { message?: unknown } };
    if (typeof msg !== "string") return line;
    const cause = typeof err?.message === "string" && !msg.includes(err.message) ? ` (${err.message})` : "";
    return `${LEVELS[level ?? 0] ?? "log"}: ${msg}${cause}`;
  } catch {
    return line;
  }
}
