import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { WorkerHeartbeat } from "@hive-registry/contract";
import { onTestFinished } from "vitest";
import type { Engine } from "../engines/engine.ts";
import { llamaCpp } from "../engines/llama-cpp.ts";

/** What a fake worker does; an empty one loads at once and serves. */
export interface Play {
  readonly load_ms?: number;
  /** Its last line: "CODE: text". */
  readonly fatal?: string;
  readonly exit?: number;
  readonly crash_after_ms?: number;
  readonly ignore_sigterm?: boolean;
  readonly ignore_parent?: boolean;
  readonly child?: boolean;
  readonly print?: number;
  readonly never_ready?: boolean;
  readonly unhealthy?: boolean;
  readonly busy_port?: number;
  readonly beat?: Partial<WorkerHeartbeat>;
}

/** The bundled worker's engine with a stand-in for its program. */
export const fakeEngine = (env: NodeJS.ProcessEnv = process.env): Engine =>
  llamaCpp({ program: fileURLToPath(new URL("./fake-worker.mjs", import.meta.url)), env });

/** An empty folder that is gone after the test. */
export function aFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), "hive-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** A file that passes for a model at the hive's door and tells the fake worker what to play. Answers its path. */
export function aModel(dir: string, play: Play = {}, name = "tiny.gguf"): string {
  const path = join(dir, name);
  writeFileSync(path, `GGUF${JSON.stringify(play)}`);
  return path;
}

/** Whether a process of this id lives. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
