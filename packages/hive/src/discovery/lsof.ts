/** Listening sockets of a Mac, as lsof lists them. */
import { execFile } from "node:child_process";
import type { Listener, ListenerSource } from "./listener.ts";

/** It costs a process and tens of milliseconds each time. */
const LOOK_EVERY_MS = 2_000;
const LIMIT_MS = 5_000;
const OUTPUT_BYTES_MAX = 4 * 1_048_576;
const ARGUMENTS = ["-nP", "-iTCP", "-sTCP:LISTEN", "-F", "pn"];

/** Parses `lsof -F pn`: a line `p` with the pid, then for each of its files a line `f` and a line `n` with the address. */
export function parseLsof(text: string): Listener[] {
  const listeners: Listener[] = [];
  let pid = 0;
  for (const line of text.split("\n")) {
    if (/^p\d+$/.test(line)) pid = Number(line.slice(1));
    const [, host = "", port = ""] = /^n(\*|\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(line) ?? [];
    if (pid === 0 || host === "" || Number(port) > 65_535) continue;
    listeners.push({ pid, port: Number(port), address: host === "*" ? "0.0.0.0" : host.replace(/^\[(.*)\]$/, "$1") });
  }
  return listeners;
}

export class LsofListeners implements ListenerSource {
  readonly everyMs: number = LOOK_EVERY_MS;
  readonly #command: string;

  constructor(command = "lsof") {
    this.#command = command;
  }

  doubt(): void {
    // It keeps nothing.
  }

  list(wants: (port: number) => boolean): Promise<readonly Listener[] | undefined> {
    return new Promise((resolve) => {
      const options = { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: "SIGKILL" } as const;
      execFile(this.#command, ARGUMENTS, options, (error, stdout) => {
        // It exits with 1 also when there is nothing to list, or when one process could not be looked at.
        const answered = error === null || (error as { code?: unknown }).code === 1;
        resolve(answered ? parseLsof(stdout).filter(({ port }) => wants(port)) : undefined);
      });
    });
  }
}
