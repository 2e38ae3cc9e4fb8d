import { timestampText } from "../heartbeats/timestamp.ts";
import type { DraftWorker, RareFacts, WorkerDraft } from "../heartbeats/worker-draft.ts";
import * as draft from "../heartbeats/worker-draft.ts";
import type { HiveRecord } from "../hives/hive-record.ts";
import { Records } from "../indexes/records.ts";
import type { ReportedLoad } from "../scheduler/load.ts";
import type { Backend, HealthStatus, WorkerInfo, WorkerState } from "../types.ts";

/** One copy of each name that many workers share. */
export interface SharedNames {
  readonly model: (text: string) => string;
  /** Backends and engines. */
  readonly other: (text: string) => string;
}

// The numbers of a row: two cache lines. First what was reported, as in a draft; then
/** what the worker is ranked by, */
export const SCORE: number = draft.NUMBERS;
const FLOATS = 16;
const INTS = 2 * FLOATS;
// and ints.
const FLAGS = 2 * (SCORE + 1);
export const SLOTS_FREE: number = FLAGS + 1;
export const BACKEND_POSITION: number = FLAGS + 2;
export const FIRST_SEAT: number = FLAGS + 3;
/** Workers of the same id on other hives, as a list: heard later, heard earlier. */
export const NEWER_NAMESAKE: number = FLAGS + 4;
export const OLDER_NAMESAKE: number = FLAGS + 5;

/** Where a row's number stands among the ints or floats of the rows. */
export const rowInt = (row: number, field: number): number => row * INTS + field;
export const rowFloat = (row: number, field: number): number => row * FLOATS + field;

// The texts of a row, and what it belongs to: one cache line.
const WORKER_ID = 0;
const HIVE_ID = 1;
const HIVE = 2;
const URL = 3;
const MODEL = 4;
const BACKEND = 5;
const ENGINE = 6;
const RARE = 7;
const CELLS = 8;
/** Rows whose texts lie in one array: arrays of all would be copied as they grow. */
const CHUNK_BITS = 9;
const CHUNK = 1 << CHUNK_BITS;

type Cell = string | HiveRecord | RareFacts | undefined;

/**
 * What each worker last reported, a row a worker: numbers in one record, texts beside each other. An object for each would
 * cost a heartbeat eight new ones that live just long enough to be copied into the old generation, and the registry twice the
 * time; callers get objects made for them.
 */
export class WorkerRows implements ReportedLoad {
  readonly records: Records = new Records(FLOATS);
  readonly #cells: Cell[][] = [];
  readonly #shared: SharedNames;
  /** Kept so that reading it cannot be left out. */
  ahead = 0;

  constructor(shared: SharedNames) {
    this.#shared = shared;
  }

  /** Makes room for a worker: its id stands, all else is to be written. */
  add(hive: HiveRecord, workerId: string): number {
    const row = this.records.add();
    if (row >> CHUNK_BITS >= this.#cells.length) this.#cells.push(new Array<Cell>(CHUNK * CELLS).fill(undefined));
    const cells = this.#cellsOf(row);
    const first = firstCell(row);
    cells[first + WORKER_ID] = workerId;
    cells[first + HIVE_ID] = hive.hiveId;
    cells[first + HIVE] = hive;
    return row;
  }

  remove(row: number): void {
    this.#cellsOf(row).fill(undefined, firstCell(row), firstCell(row) + CELLS);
    this.records.remove(row);
  }

  /** Takes over what the draft says of a worker. The id stays. */
  write(row: number, from: WorkerDraft, at: number): void {
    const { floats, ints } = this.records;
    const { numbers } = from;
    const firstTo = rowFloat(row, 0);
    const firstFrom = at * draft.NUMBERS;
    for (let field = 0; field < draft.NUMBERS; field++) floats[firstTo + field] = numbers[firstFrom + field] as number;
    ints[rowInt(row, FLAGS)] = from.flags[at] as number;
    this.#writeTexts(row, from.at(at));
  }

  // ---- one fact -----------------------------------------------------------------------------------------------------

  /** False for a row that no worker has. */
  has(row: number): boolean {
    return this.#cellsOf(row)[firstCell(row) + HIVE] !== undefined;
  }

  idAt(row: number): string {
    return this.#cellsOf(row)[firstCell(row) + WORKER_ID] as string;
  }

  /**
   * The id of a worker that is being looked for. Its numbers are read already, which are needed next when it is the right one:
   * reads at places anywhere in memory cost a cache miss each, and as much together as one when none waits for another.
   */
  idAhead(row: number): string {
    this.ahead = this.records.ints[rowInt(row, FLAGS)] as number;
    return this.idAt(row);
  }

  hiveIdAt(row: number): string {
    return this.#cellsOf(row)[firstCell(row) + HIVE_ID] as string;
  }

  hiveAt(row: number): HiveRecord {
    return this.#cellsOf(row)[firstCell(row) + HIVE] as HiveRecord;
  }

  urlAt(row: number): string | undefined {
    return this.#cellsOf(row)[firstCell(row) + URL] as string | undefined;
  }

  modelAt(row: number): string | undefined {
    return this.#cellsOf(row)[firstCell(row) + MODEL] as string | undefined;
  }

  modelsAt(row: number): readonly string[] | undefined {
    return this.#rareAt(row)?.models;
  }

  backendAt(row: number): Backend | undefined {
    return this.#cellsOf(row)[firstCell(row) + BACKEND] as string | undefined;
  }

  lastReservationAt(row: number): string | undefined {
    return this.#rareAt(row)?.last_reservation;
  }

  lastHandoverAt(row: number): string | undefined {
    return this.#rareAt(row)?.last_handover;
  }

  stateAt(row: number): WorkerState {
    return draft.STATES[this.#flagsAt(row) & draft.STATE_BITS] as WorkerState;
  }

  isDegraded(row: number): boolean {
    return (this.#flagsAt(row) & draft.DEGRADED) !== 0;
  }

  isDraining(row: number): boolean {
    return (this.#flagsAt(row) & draft.DRAINING) !== 0;
  }

  vramBytesAt(row: number): number {
    return this.#numberAt(row, draft.VRAM_BYTES);
  }

  ramBytesAt(row: number): number {
    return this.#numberAt(row, draft.RAM_BYTES);
  }

  gpuPercentAt(row: number): number {
    return this.#numberAt(row, draft.GPU_PERCENT);
  }

  slotsTotalAt(row: number): number {
    return this.#numberAt(row, draft.SLOTS_TOTAL);
  }

  slotsBusyAt(row: number): number {
    return this.#numberAt(row, draft.SLOTS_BUSY);
  }

  queueDepthAt(row: number): number {
    return this.#numberAt(row, draft.QUEUE_DEPTH);
  }

  // ---- all of them --------------------------------------------------------------------------------------------------

  /** The worker as a new object: its caller's own, unless it is frozen first. */
  copyAt(row: number): WorkerInfo {
    const cells = this.#cellsOf(row);
    const first = firstCell(row);
    return new WorkerCopy(
      this.#flagsAt(row),
      this.records.floats,
      rowFloat(row, 0),
      cells[first + WORKER_ID] as string,
      cells[first + URL] as string | undefined,
      cells[first + MODEL] as string | undefined,
      cells[first + BACKEND] as string | undefined,
      cells[first + ENGINE] as string | undefined,
      cells[first + RARE] as RareFacts | undefined,
    );
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #cellsOf(row: number): Cell[] {
    return this.#cells[row >> CHUNK_BITS] as Cell[];
  }

  #rareAt(row: number): RareFacts | undefined {
    return this.#cellsOf(row)[firstCell(row) + RARE] as RareFacts | undefined;
  }

  #flagsAt(row: number): number {
    return this.records.ints[rowInt(row, FLAGS)] as number;
  }

  #numberAt(row: number, field: number): number {
    return this.records.floats[rowFloat(row, field)] as number;
  }

  /** Mostly all are the same as before: then those that are kept stay, and the new ones are garbage that dies young. */
  #writeTexts(row: number, from: DraftWorker): void {
    const cells = this.#cellsOf(row);
    const first = firstCell(row);
    if (cells[first + URL] !== from.url) cells[first + URL] = from.url;
    if (cells[first + MODEL] !== from.model_id)
      cells[first + MODEL] = from.model_id && this.#shared.model(from.model_id);
    if (cells[first + BACKEND] !== from.backend)
      cells[first + BACKEND] = from.backend && this.#shared.other(from.backend);
    if (cells[first + ENGINE] !== from.engine) cells[first + ENGINE] = from.engine && this.#shared.other(from.engine);
    this.#writeRare(cells, first + RARE, from);
  }

  #writeRare(cells: Cell[], at: number, from: DraftWorker): void {
    let rare = cells[at] as RareFacts | undefined;
    const { models, last_reservation, last_handover, last_heartbeat } = from;
    if (rare === undefined) {
      if (
        models === undefined &&
        last_reservation === undefined &&
        last_handover === undefined &&
        last_heartbeat === undefined
      )
        return;
      rare = { models: undefined, last_reservation: undefined, last_handover: undefined, last_heartbeat: undefined };
      cells[at] = rare;
    }
    if (!sameList(rare.models, models)) rare.models = models && Object.freeze(models.map(this.#shared.model));
    if (rare.last_reservation !== last_reservation) rare.last_reservation = last_reservation;
    if (rare.last_handover !== last_handover) rare.last_handover = last_handover;
    rare.last_heartbeat = last_heartbeat;
  }
}

const firstCell = (row: number): number => (row & (CHUNK - 1)) * CELLS;

export function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every((text, at) => text === b[at]);
}

/** A class and no literal, because the fields of a literal that grows lie in a second object: one more to make and to find. */
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

  constructor(
    flags: number,
    numbers: Float64Array,
    first: number,
    worker_id: string,
    url: string | undefined,
    model_id: string | undefined,
    backend: string | undefined,
    engine: string | undefined,
    rare: RareFacts | undefined,
  ) {
    this.worker_id = worker_id;
    this.state = draft.STATES[flags & draft.STATE_BITS] as WorkerState;
    this.last_heartbeat = rare?.last_heartbeat ?? timestampText(numbers[first + draft.LAST_HEARTBEAT_MS] as number);
    this.health_status = (flags & draft.DEGRADED) === 0 ? "healthy" : "degraded";
    if (url !== undefined) this.url = url;
    if (model_id !== undefined) this.model_id = model_id;
    if (rare?.models !== undefined) this.models = rare.models;
    if (backend !== undefined) this.backend = backend;
    const device_id = numbers[first + draft.DEVICE_ID] as number;
    if (!Number.isNaN(device_id)) this.device_id = device_id;
    const vram_bytes = numbers[first + draft.VRAM_BYTES] as number;
    if (!Number.isNaN(vram_bytes)) this.vram_bytes = vram_bytes;
    const ram_bytes = numbers[first + draft.RAM_BYTES] as number;
    if (!Number.isNaN(ram_bytes)) this.ram_bytes = ram_bytes;
    const cpu_percent = numbers[first + draft.CPU_PERCENT] as number;
    if (!Number.isNaN(cpu_percent)) this.cpu_percent = cpu_percent;
    const gpu_percent = numbers[first + draft.GPU_PERCENT] as number;
    if (!Number.isNaN(gpu_percent)) this.gpu_percent = gpu_percent;
    const slots_total = numbers[first + draft.SLOTS_TOTAL] as number;
    if (!Number.isNaN(slots_total)) this.slots_total = slots_total;
    const slots_busy = numbers[first + draft.SLOTS_BUSY] as number;
    if (!Number.isNaN(slots_busy)) this.slots_busy = slots_busy;
    const queue_depth = numbers[first + draft.QUEUE_DEPTH] as number;
    if (!Number.isNaN(queue_depth)) this.queue_depth = queue_depth;
    const kv_cache_percent = numbers[first + draft.KV_CACHE_PERCENT] as number;
    if (!Number.isNaN(kv_cache_percent)) this.kv_cache_percent = kv_cache_percent;
    if (engine !== undefined) this.engine = engine;
    if ((flags & draft.DRAINING_TOLD) !== 0) this.draining = (flags & draft.DRAINING) !== 0;
    if (rare?.last_reservation !== undefined) this.last_reservation = rare.last_reservation;
    if (rare?.last_handover !== undefined) this.last_handover = rare.last_handover;
  }
}
