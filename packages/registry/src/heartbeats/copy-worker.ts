import type { Backend, HealthStatus, WorkerInfo, WorkerState } from "../types.ts";
import { kept } from "./kept.ts";

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
 * @param known the same worker as it was reported before, if it was: names that did not change are not kept twice.
 * @throws {TypeError} naming the field, for what could not have passed the door.
 */
export function copyWorker(
  from: WorkerInfo,
  known: WorkerInfo | undefined,
  path: string,
  at: number,
  intern: Intern,
): WorkerInfo {
  if (typeof from !== "object" || from === null) fail(path, at, "", "an object");
  return Object.freeze(new WorkerCopy(from, known, path, at, intern));
}

/** A class and no literal, because the fields of a literal that grows lie in a second object: for each worker one more to keep and to find. */
class WorkerCopy implements WorkerInfo {
  declare readonly worker_id: string;
  declare readonly state: WorkerState;
  declare readonly last_heartbeat: string;
  declare readonly health_status: HealthStatus;
  declare readonly url?: string;
  declare readonly model_id?: string;
  declare readonly models?: readonly string[];
  declare readonly backend?: Backend;
  declare readonly device_id?: number;
  declare readonly vram_bytes?: number;
  declare readonly ram_bytes?: number;
  declare readonly cpu_percent?: number;
  declare readonly gpu_percent?: number;
  declare readonly slots_total?: number;
  declare readonly slots_busy?: number;
  declare readonly queue_depth?: number;
  declare readonly kv_cache_percent?: number;
  declare readonly engine?: string;
  declare readonly draining?: boolean;
  declare readonly last_reservation?: string;
  declare readonly last_handover?: string;

  constructor(from: WorkerInfo, known: WorkerInfo | undefined, path: string, at: number, intern: Intern) {
    this.worker_id = kept(text(from.worker_id, path, at, "worker_id"), known?.worker_id);
    this.state = state(from.state, path, at);
    this.last_heartbeat = text(from.last_heartbeat, path, at, "last_heartbeat");
    this.health_status = from.health_status === "degraded" ? "degraded" : health(from.health_status, path, at);
    if (from.url !== undefined) this.url = text(from.url, path, at, "url");
    if (from.model_id !== undefined) {
      const model_id = text(from.model_id, path, at, "model_id");
      this.model_id = model_id === known?.model_id ? known.model_id : intern.model(model_id);
    }
    if (from.models !== undefined) this.models = models(from.models, path, at, intern);
    if (from.backend !== undefined) this.backend = intern.text(text(from.backend, path, at, "backend"));
    if (from.device_id !== undefined) this.device_id = number(from.device_id, path, at, "device_id");
    if (from.vram_bytes !== undefined) this.vram_bytes = number(from.vram_bytes, path, at, "vram_bytes");
    if (from.ram_bytes !== undefined) this.ram_bytes = number(from.ram_bytes, path, at, "ram_bytes");
    if (from.cpu_percent !== undefined) this.cpu_percent = number(from.cpu_percent, path, at, "cpu_percent");
    if (from.gpu_percent !== undefined) this.gpu_percent = number(from.gpu_percent, path, at, "gpu_percent");
    if (from.slots_total !== undefined) this.slots_total = number(from.slots_total, path, at, "slots_total");
    if (from.slots_busy !== undefined) this.slots_busy = number(from.slots_busy, path, at, "slots_busy");
    if (from.queue_depth !== undefined) this.queue_depth = number(from.queue_depth, path, at, "queue_depth");
    if (from.kv_cache_percent !== undefined)
      this.kv_cache_percent = number(from.kv_cache_percent, path, at, "kv_cache_percent");
    if (from.engine !== undefined) this.engine = intern.text(text(from.engine, path, at, "engine"));
    if (from.draining !== undefined) this.draining = from.draining === true;
    if (from.last_reservation !== undefined)
      this.last_reservation = text(from.last_reservation, path, at, "last_reservation");
    if (from.last_handover !== undefined) this.last_handover = text(from.last_handover, path, at, "last_handover");
  }
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
