import { grownCapacity, grownFloat64, grownInt32 } from "../indexes/grow.ts";
import type { WorkerInfo, WorkerState } from "../types.ts";
import { timestampMs } from "./timestamp.ts";

// A worker's numbers, in the order in which drafts and rows keep them. NaN: not reported.
/** When its hive last heard from it, ms since epoch; NaN: as a text that no time gives back. */
export const LAST_HEARTBEAT_MS = 0;
export const VRAM_BYTES = 1;
export const RAM_BYTES = 2;
export const CPU_PERCENT = 3;
export const GPU_PERCENT = 4;
export const KV_CACHE_PERCENT = 5;
export const SLOTS_TOTAL = 6;
export const SLOTS_BUSY = 7;
export const QUEUE_DEPTH = 8;
export const DEVICE_ID = 9;
export const NUMBERS = 10;

// What is one of a few, as bits. The lowest two are the state.
export const STATES: readonly WorkerState[] = ["Idle", "Busy", "Loading"];
export const IDLE = 0;
export const BUSY = 1;
export const LOADING = 2;
export const STATE_BITS = 3;
export const DEGRADED = 4;
/** It says whether it is draining. */
export const DRAINING_TOLD = 8;
export const DRAINING = 16;

/** What few workers say, or few times. */
export interface RareFacts {
  models: readonly string[] | undefined;
  last_reservation: string | undefined;
  last_handover: string | undefined;
  /** In a form of its own. */
  last_heartbeat: string | undefined;
}

/** One worker as it was just reported. */
export interface DraftWorker extends RareFacts {
  worker_id: string;
  url: string | undefined;
  model_id: string | undefined;
  backend: string | undefined;
  engine: string | undefined;
}

/**
 * The workers of one heartbeat, read and checked before any of them counts: whatever is wrong with one is found while nothing
 * has changed yet. There is one draft for all heartbeats, written over by each, so that reading one leaves no garbage.
 */
export class WorkerDraft {
  /** Workers in it. */
  size = 0;
  /** {@link NUMBERS} for each. */
  numbers: Float64Array = new Float64Array(0);
  flags: Int32Array = new Int32Array(0);
  readonly #workers: DraftWorker[] = [];

  at(worker: number): DraftWorker {
    return this.#workers[worker] as DraftWorker;
  }

  /**
   * Reads a list of workers in place of the one before; fields nobody knows are passed over.
   *
   * @throws {TypeError} naming the field, for what could not have passed the door.
   */
  read(workers: readonly WorkerInfo[], path: string): void {
    if (!Array.isArray(workers)) throw new TypeError(`${path} must be an array`);
    this.#fit(workers.length);
    this.size = workers.length;
    for (let at = 0; at < workers.length; at++) this.#readOne(workers[at] as WorkerInfo, path, at);
  }

  /** @throws {TypeError} when two have the same id. */
  demandUniqueIds(path: string): void {
    const ids = new Set<string>();
    for (let at = 0; at < this.size; at++) {
      const { worker_id } = this.at(at);
      if (ids.has(worker_id)) throw new TypeError(`${path}[${at}].worker_id must be unique in the heartbeat`);
      ids.add(worker_id);
    }
  }

  #readOne(from: WorkerInfo, path: string, at: number): void {
    if (typeof from !== "object" || from === null) fail(path, at, "", "an object");
    const { numbers } = this;
    const to = this.at(at);
    const first = at * NUMBERS;
    to.worker_id = text(from.worker_id, path, at, "worker_id");
    let flags = state(from.state, path, at);
    const last_heartbeat = text(from.last_heartbeat, path, at, "last_heartbeat");
    const lastHeartbeatMs = timestampMs(last_heartbeat);
    numbers[first + LAST_HEARTBEAT_MS] = lastHeartbeatMs;
    to.last_heartbeat = Number.isNaN(lastHeartbeatMs) ? last_heartbeat : undefined;
    if (from.health_status === "degraded") flags |= DEGRADED;
    else if (from.health_status !== "healthy") fail(path, at, "health_status", "healthy or degraded");
    to.url = optionalText(from.url, path, at, "url");
    to.model_id = optionalText(from.model_id, path, at, "model_id");
    to.models = from.models === undefined ? undefined : models(from.models, path, at);
    to.backend = optionalText(from.backend, path, at, "backend");
    numbers[first + DEVICE_ID] = optionalNumber(from.device_id, path, at, "device_id");
    numbers[first + VRAM_BYTES] = optionalNumber(from.vram_bytes, path, at, "vram_bytes");
    numbers[first + RAM_BYTES] = optionalNumber(from.ram_bytes, path, at, "ram_bytes");
    numbers[first + CPU_PERCENT] = optionalNumber(from.cpu_percent, path, at, "cpu_percent");
    numbers[first + GPU_PERCENT] = optionalNumber(from.gpu_percent, path, at, "gpu_percent");
    numbers[first + SLOTS_TOTAL] = optionalNumber(from.slots_total, path, at, "slots_total");
    numbers[first + SLOTS_BUSY] = optionalNumber(from.slots_busy, path, at, "slots_busy");
    numbers[first + QUEUE_DEPTH] = optionalNumber(from.queue_depth, path, at, "queue_depth");
    numbers[first + KV_CACHE_PERCENT] = optionalNumber(from.kv_cache_percent, path, at, "kv_cache_percent");
    to.engine = optionalText(from.engine, path, at, "engine");
    if (from.draining !== undefined) flags |= from.draining === true ? DRAINING_TOLD | DRAINING : DRAINING_TOLD;
    to.last_reservation = optionalText(from.last_reservation, path, at, "last_reservation");
    to.last_handover = optionalText(from.last_handover, path, at, "last_handover");
    this.flags[at] = flags;
  }

  #fit(workers: number): void {
    if (workers <= this.#workers.length) return;
    const capacity = grownCapacity(workers, this.#workers.length);
    this.numbers = grownFloat64(this.numbers, NUMBERS * capacity);
    this.flags = grownInt32(this.flags, capacity);
    while (this.#workers.length < capacity) {
      this.#workers.push({
        ...{ worker_id: "", url: undefined, model_id: undefined, models: undefined, backend: undefined },
        ...{ engine: undefined, last_reservation: undefined, last_handover: undefined, last_heartbeat: undefined },
      });
    }
  }
}

function text(value: string, path: string, at: number, field: string): string {
  if (typeof value !== "string") fail(path, at, field, "a string");
  return value;
}

function optionalText(value: string | undefined, path: string, at: number, field: string): string | undefined {
  return value === undefined ? undefined : text(value, path, at, field);
}

function optionalNumber(value: number | undefined, path: string, at: number, field: string): number {
  if (value === undefined) return Number.NaN;
  if (typeof value !== "number" || !Number.isFinite(value)) fail(path, at, field, "a finite number");
  return value;
}

function state(value: WorkerState, path: string, at: number): number {
  if (value === "Idle") return IDLE;
  if (value === "Busy") return BUSY;
  if (value === "Loading") return LOADING;
  return fail(path, at, "state", "Idle, Busy or Loading");
}

function models(value: readonly string[], path: string, at: number): readonly string[] {
  if (!Array.isArray(value)) fail(path, at, "models", "an array of strings");
  return value.map((model) => text(model, path, at, "models"));
}

function fail(path: string, at: number, field: string, wanted: string): never {
  throw new TypeError(`${path}[${at}]${field === "" ? "" : `.${field}`} must be ${wanted}`);
}
