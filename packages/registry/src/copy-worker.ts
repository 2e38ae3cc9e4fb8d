import type { WorkerInfo, WorkerState } from "./types.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Gives back the one string that the registry keeps for a text, so that a million workers share a thousand names. */
export interface Intern {
  readonly model: (text: string) => string;
  /** Backends and engines. */
  readonly text: (text: string) => string;
}

/**
 * Copies what a caller reported, known fields only, and freezes it: from here on the object is safe to hand to anybody,
 * and nothing that the caller does to his own changes it.
 *
 * @throws {TypeError} naming the field, for what could not have passed the door.
 */
export function copyWorker(from: WorkerInfo, path: string, at: number, intern: Intern): WorkerInfo {
  if (typeof from !== "object" || from === null) fail(path, at, "", "an object");
  const copy: Mutable<WorkerInfo> = {
    worker_id: text(from.worker_id, path, at, "worker_id"),
    state: state(from.state, path, at),
    last_heartbeat: text(from.last_heartbeat, path, at, "last_heartbeat"),
    health_status: from.health_status === "degraded" ? "degraded" : health(from.health_status, path, at),
  };
  if (from.url !== undefined) copy.url = text(from.url, path, at, "url");
  if (from.model_id !== undefined) copy.model_id = intern.model(text(from.model_id, path, at, "model_id"));
  if (from.models !== undefined) copy.models = models(from.models, path, at, intern);
  if (from.backend !== undefined) copy.backend = intern.text(text(from.backend, path, at, "backend"));
  if (from.device_id !== undefined) copy.device_id = number(from.device_id, path, at, "device_id");
  if (from.vram_bytes !== undefined) copy.vram_bytes = number(from.vram_bytes, path, at, "vram_bytes");
  if (from.ram_bytes !== undefined) copy.ram_bytes = number(from.ram_bytes, path, at, "ram_bytes");
  if (from.cpu_percent !== undefined) copy.cpu_percent = number(from.cpu_percent, path, at, "cpu_percent");
  if (from.gpu_percent !== undefined) copy.gpu_percent = number(from.gpu_percent, path, at, "gpu_percent");
  if (from.slots_total !== undefined) copy.slots_total = number(from.slots_total, path, at, "slots_total");
  if (from.slots_busy !== undefined) copy.slots_busy = number(from.slots_busy, path, at, "slots_busy");
  if (from.queue_depth !== undefined) copy.queue_depth = number(from.queue_depth, path, at, "queue_depth");
  if (from.kv_cache_percent !== undefined)
    copy.kv_cache_percent = number(from.kv_cache_percent, path, at, "kv_cache_percent");
  if (from.engine !== undefined) copy.engine = intern.text(text(from.engine, path, at, "engine"));
  if (from.draining !== undefined) copy.draining = from.draining === true;
  if (from.last_reservation !== undefined)
    copy.last_reservation = text(from.last_reservation, path, at, "last_reservation");
  return Object.freeze(copy);
}

function text(value: string, path: string, at: number, field: string): string {
  if (typeof value !== "string") fail(path, at, field, "a string");
  return value;
}

function number(value: number, path: string, at: number, field: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) fail(path, at, field, "a finite number");
  return value;
}

function state(value: WorkerState, path: string, at: number): WorkerState {
  // The literals, not the caller's string: one copy of each for the whole fleet.
  if (value === "Idle") return "Idle";
  if (value === "Busy") return "Busy";
  if (value === "Loading") return "Loading";
  return fail(path, at, "state", "Idle, Busy or Loading");
}

function health(value: string, path: string, at: number): "healthy" {
  if (value !== "healthy") fail(path, at, "health_status", "healthy or degraded");
  return "healthy";
}

function models(value: readonly string[], path: string, at: number, intern: Intern): readonly string[] {
  if (!Array.isArray(value)) fail(path, at, "models", "an array of strings");
  return Object.freeze(value.map((model) => intern.model(text(model, path, at, "models"))));
}

function fail(path: string, at: number, field: string, wanted: string): never {
  throw new TypeError(`${path}[${at}]${field === "" ? "" : `.${field}`} must be ${wanted}`);
}
