import type {
  HiveRuntimeState,
  HiveWorker,
  MachineInfo,
  ManagedWorker,
  ModelSummary,
  WorkerInfo,
} from "@hive-registry/client";
import type { Progress } from "../output/progress.ts";
import { type Look, PLAIN_LOOK } from "../output/table.ts";

export const NOW_MS: number = Date.parse("2026-11-01T12:00:00Z");

export function aWorker(more: Partial<WorkerInfo> = {}): WorkerInfo {
  return {
    worker_id: "w1",
    state: "Idle",
    last_heartbeat: "2026-11-01T12:00:00Z",
    health_status: "healthy",
    url: "http://10.0.0.5:9300",
    model_id: "llama-3-8b",
    ...more,
  };
}

export function on(hive_id: string, more: Partial<WorkerInfo> = {}): HiveWorker {
  return { hive_id, worker: aWorker(more) };
}

export function aHive(more: Partial<HiveRuntimeState> = {}): HiveRuntimeState {
  return {
    hive_id: "desk",
    workers: [],
    last_heartbeat_ms: NOW_MS,
    received_at_ms: NOW_MS - 2_000,
    status: "alive",
    vram_used_gb: 0,
    ram_used_gb: 0,
    worker_count: 0,
    ...more,
  };
}

export function aModel(model: string, more: Partial<ModelSummary> = {}): ModelSummary {
  return { model, workers: 1, idle_workers: 1, hives: 1, slots_free: 4, ...more };
}

export function aMachine(more: Partial<MachineInfo> = {}): MachineInfo {
  return {
    devices: [],
    cpu: { model: "Ryzen 9", cores: 16, percent: 12.4 },
    ram_total_bytes: 64e9,
    ram_available_bytes: 48e9,
    os: "linux",
    arch: "x64",
    ...more,
  };
}

export function aManagedWorker(more: Partial<ManagedWorker> = {}): ManagedWorker {
  return { worker: aWorker(), managed: true, phase: "ready", restarts: 0, ...more };
}

export interface Page {
  readonly out: string[];
  readonly err: string[];
  print(line: string): void;
  note(line: string): void;
  write(text: string): void;
  progress(): Progress;
  readonly look: Look;
  nowMs(): number;
  /** All of stdout. */
  text(): string;
}

/** Catches what a command says. Its clock stands at {@link NOW_MS}. */
export function aPage(): Page {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out,
    err,
    print: (line) => void out.push(`${line}\n`),
    note: (line) => void err.push(line),
    write: (text) => void out.push(text),
    progress: () => silentProgress((line) => err.push(line)),
    look: PLAIN_LOOK,
    nowMs: () => NOW_MS,
    text: () => out.join(""),
  };
}

export function silentProgress(stay: (line: string) => void): Progress {
  return { waiting: () => undefined, done: stay, failed: stay, remark: stay, end: () => undefined };
}

export async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
