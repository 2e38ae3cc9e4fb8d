import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { ensureDemoModel } from "../demo/demo-model.ts";
import type { Engine } from "../engine/engine.ts";
import { loadLlamaEngine } from "../engine/load.ts";
import { workerCommand } from "../index.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "../worker.ts";

export const quiet: pino.Logger = pino({ level: "silent" });

export interface Folder {
  readonly path: string;
  readonly modelPath: string;
  remove(): Promise<void>;
}

/** A folder of its own with the demonstration model in it. */
export async function aFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "hive-worker-"));
  const { path: modelPath } = await ensureDemoModel(path);
  return { path, modelPath, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface AWorker extends RunningWorker {
  readonly engine: Engine | undefined;
}

/** A worker in this process with real llama.cpp and the demonstration model (or the given engine), ready. */
export async function aWorker(
  modelPath: string,
  options: Partial<WorkerOptions> & { readonly contextTokens?: number; readonly engine?: Engine } = {},
): Promise<AWorker> {
  const { contextTokens, engine: given, ...rest } = options;
  let engine: Engine | undefined = given;
  const slots = rest.slots ?? 4;
  const worker = await startWorker(
    {
      log: quiet,
      loadEngine: async () => {
        engine ??= await loadLlamaEngine(
          { log: quiet },
          { modelPath, slots, gpu: "off", ...(contextTokens !== undefined && { contextTokens }) },
        );
        return engine;
      },
      fetch,
      now: Date.now,
    },
    { modelPath, port: 0, listen: "127.0.0.1", slots, ...rest },
  );
  await worker.ready;
  return {
    url: worker.url,
    ready: worker.ready,
    engine,
    stop: async () => {
      await worker.stop();
      await engine?.close();
    },
  };
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** Where it listens, once it is ready; rejects when it ends before. */
  readonly url: Promise<string>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stderr(): string;
  /** Waits until the text stands on stderr. */
  says(text: string): Promise<void>;
}

/** The built program as a process of its own. */
export function spawnWorker(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly stdin?: "ignore" | "pipe" } = {},
): WorkerProcess {
  const child = spawn(process.execPath, [workerCommand(), ...args], {
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
    env: { ...process.env, HIVE_TOKEN: "", ...options.env },
  });
  let stdout = "";
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exited = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const url = new Promise<string>((resolve, reject) => {
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const found = /listening on (http:\S+)\n/.exec(stdout);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
    void exited.then(({ code }) => reject(new Error(`hive-worker ended with ${code}: ${stderr}`)));
  });
  url.catch(() => {});
  return {
    child,
    url,
    exited,
    stderr: () => stderr,
    says: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!stderr.includes(text)) return;
          child.stderr!.off("data", look);
          resolve();
        };
        child.stderr!.on("data", look);
        look();
      }),
  };
}

/** Ends the process if it still runs, and waits until it is gone. */
export async function endWorker(worker: WorkerProcess): Promise<void> {
  worker.child.kill("SIGKILL");
  await worker.exited;
}
