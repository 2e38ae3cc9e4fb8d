import { CandidateHeap, type HeapPositions } from "./candidate-heap.ts";
import type { Intern } from "./copy-worker.ts";
import { grownCapacity, grownFloat64, grownInt32 } from "./grow.ts";
import type { HiveRecord } from "./hive-record.ts";
import { ModelGroup } from "./model-group.ts";
import { Scheduler, type SchedulerOptions, type SchedulerView } from "./scheduler/scheduler.ts";
import { SlotList } from "./slot-list.ts";
import type { HiveWorker, ModelSummary, WorkerInfo } from "./types.ts";

/** A worker that does not report `gpu_percent` is taken for fully used. Rule: design, "findBestWorkerForModel". */
const UNKNOWN_GPU_PERCENT = 100;
/** Puts every degraded worker behind every healthy one. */
const DEGRADED_PENALTY = 1e6;
/** Names of backends and engines that are kept once for all; past so many, sharing is not worth the table. */
const SHARED_TEXTS_MAX = 1_024;
/** In a tie the number of reservations comes before the number of the last choice: room for 10¹² choices. */
const CHOICES_MAX = 2 ** 40;
const NONE = -1;

/**
 * Every worker of the fleet in columns: a row a worker, and a seat for each model that it has (one in the group of those
 * without a model when it has none). What callers see are the objects in `HiveRecord.workers`; what the registry must find
 * or compare quickly is a number in a typed array, because a million small objects would cost three times the memory and
 * a cache miss a step.
 */
export class WorkerTable implements SchedulerView {
  readonly scheduler: Scheduler;
  // Columns of the rows.
  readonly #hive: (HiveRecord | undefined)[] = [];
  /** Where the worker stands in its hive's list. */
  #index: Int32Array = new Int32Array(0);
  #score: Float64Array = new Float64Array(0);
  #slotsFree: Int32Array = new Int32Array(0);
  #candidate: Uint8Array = new Uint8Array(0);
  #idlePosition: Int32Array = new Int32Array(0);
  #backendPosition: Int32Array = new Int32Array(0);
  #firstSeat: Int32Array = new Int32Array(0);
  /** Workers of the same id on other hives, as a list: heard later, heard earlier. */
  #newerNamesake: Int32Array = new Int32Array(0);
  #olderNamesake: Int32Array = new Int32Array(0);
  readonly #freeRows: number[] = [];

  // Columns of the seats.
  #seatRow: Int32Array = new Int32Array(0);
  #seatGroup: Int32Array = new Int32Array(0);
  #seatPosition: Int32Array = new Int32Array(0);
  #nextSeat: Int32Array = new Int32Array(0);
  /** What decides among equals: reservations first, then the number of the last choice. Outlives its time as a candidate. */
  #tie: Float64Array = new Float64Array(0);
  readonly #seatPositions: HeapPositions = { column: new Int32Array(0) };
  readonly #freeSeats: number[] = [];
  #seats = 0;

  readonly #groups: ModelGroup[] = [];
  readonly #groupPositions: HeapPositions = { column: new Int32Array(0) };
  readonly #freeGroups: number[] = [];
  readonly #groupOfModel: Map<string, number> = new Map();
  /** The groups that have a candidate, by their best one: its first is the best worker of all. */
  readonly #anyModel: CandidateHeap = new CandidateHeap(this.#groupPositions);
  readonly #backends: Map<string, SlotList> = new Map();
  readonly #idle: SlotList = new SlotList();
  /** Row of the worker of that id that was heard last. */
  readonly #rowOfId: Map<string, number> = new Map();
  readonly #sharedTexts: Map<string, string> = new Map();
  readonly #modelless: number;
  readonly #hiveById: (hiveId: string) => HiveRecord | undefined;
  #choices = 0;
  #counts = 0;

  size = 0;
  readonly states: Record<WorkerInfo["state"], number> = { Idle: 0, Busy: 0, Loading: 0 };

  constructor(
    deps: {
      /** For questions about one hive. */
      readonly hiveById: (hiveId: string) => HiveRecord | undefined;
      /** A reserved place at that worker was given back. */
      readonly onFreed: (row: number) => void;
    },
    options: SchedulerOptions,
  ) {
    this.#hiveById = deps.hiveById;
    this.#modelless = this.#addGroup("");
    this.scheduler = new Scheduler(this, deps.onFreed, options);
  }

  /** One copy of each name that many workers share. */
  readonly intern: Intern = {
    model: (text) => {
      const group = this.#groupOfModel.get(text);
      return group === undefined ? text : (this.#groups[group] as ModelGroup).model;
    },
    text: (text) => {
      const known = this.#sharedTexts.get(text);
      if (known !== undefined) return known;
      if (this.#sharedTexts.size < SHARED_TEXTS_MAX) this.#sharedTexts.set(text, text);
      return text;
    },
  };

  infoAt(row: number): WorkerInfo {
    return this.hiveAt(row).workers[this.#index[row] as number] as WorkerInfo;
  }

  hiveAt(row: number): HiveRecord {
    return this.#hive[row] as HiveRecord;
  }

  /** Row of the worker of that id whose hive was heard last; -1 when there is none. */
  find(workerId: string): number {
    return this.#rowOfId.get(workerId) ?? NONE;
  }

  // ---- what a heartbeat does ----------------------------------------------------------------------------------------

  /**
   * Gives a hive exactly these workers. Ids must be unique among them. A worker that was there before keeps its row, and
   * with it its place among its equals.
   */
  setWorkers(hive: HiveRecord, workers: readonly WorkerInfo[], hiveAlive: boolean): void {
    const before = hive.workers;
    hive.workers = workers;
    if (sameIdsAndModels(before, workers)) {
      for (let at = 0; at < workers.length; at++) {
        this.#replace(hive.rows[at] as number, before[at] as WorkerInfo, workers[at] as WorkerInfo);
      }
    } else {
      this.#countModelsOf(hive, -1);
      this.#match(hive, before, workers);
      this.#countModelsOf(hive, 1);
    }
    for (let at = 0; at < workers.length; at++) {
      const row = hive.rows[at] as number;
      this.#refresh(row, workers[at] as WorkerInfo, hiveAlive);
      this.scheduler.reported(row, workers[at] as WorkerInfo, hive.receivedAtMs);
    }
    this.heard(hive);
  }

  /** Brings ranking and free slots up to date with what the hive's workers report and with whether the hive is alive. */
  refresh(hive: HiveRecord, hiveAlive: boolean): void {
    const { rows, workers } = hive;
    for (let at = 0; at < rows.length; at++) {
      this.#refresh(rows[at] as number, workers[at] as WorkerInfo, hiveAlive);
      this.scheduler.refreshed(rows[at] as number);
    }
  }

  /** The hive was heard: its workers come first among those of the same id. */
  heard(hive: HiveRecord): void {
    const { rows, workers } = hive;
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number;
      if (this.#newerNamesake[row] === NONE) continue;
      const { worker_id } = workers[at] as WorkerInfo;
      this.#unlinkId(row, worker_id);
      this.#linkId(row, worker_id);
    }
  }

  // ---- what a scheduler asks ----------------------------------------------------------------------------------------

  /** The best candidate with the model, else the best of all; -1 when there is none. Choosing it puts it behind its equals. */
  choose(modelId: string): number {
    const loaded = this.#groupOfModel.get(modelId);
    const withModel = loaded !== undefined && (this.#groups[loaded] as ModelGroup).candidates.size > 0;
    const at = withModel ? loaded : this.#anyModel.first;
    if (at === NONE) return NONE;
    const { candidates } = this.#groups[at] as ModelGroup;
    const seat = candidates.first;
    const tie = Math.floor(candidates.firstTie / CHOICES_MAX) * CHOICES_MAX + ++this.#choices;
    this.#tie[seat] = tie;
    candidates.update(seat, candidates.firstScore, tie);
    this.#rankGroup(at);
    return this.#seatRow[seat] as number;
  }

  *withModel(modelId: string): Generator<number> {
    const group = this.#groupOfModel.get(modelId);
    if (group === undefined) return;
    const { seats } = this.#groups[group] as ModelGroup;
    for (let at = 0; at < seats.size; at++) yield this.#seatRow[seats.at(at)] as number;
  }

  *withBackend(backend: string): Generator<number> {
    const rows = this.#backends.get(backend);
    if (rows !== undefined) for (let at = 0; at < rows.size; at++) yield rows.at(at);
  }

  *idle(): Generator<number> {
    for (let at = 0; at < this.#idle.size; at++) yield this.#idle.at(at);
  }

  *all(): Generator<number> {
    for (let row = 0; row < this.#hive.length; row++) if (this.#hive[row] !== undefined) yield row;
  }

  *models(): Generator<ModelSummary> {
    for (const at of this.#groupOfModel.values()) {
      const { model, seats, candidates, hives, slotsFree } = this.#groups[at] as ModelGroup;
      yield { model, workers: seats.size, idle_workers: candidates.size, hives, slots_free: slotsFree };
    }
  }

  countsByBackend(): Record<string, number> {
    return Object.fromEntries(Array.from(this.#backends, ([backend, rows]) => [backend, rows.size]));
  }

  countsByModel(): Record<string, number> {
    return Object.fromEntries(
      Array.from(this.#groupOfModel, ([model, at]) => [model, (this.#groups[at] as ModelGroup).seats.size]),
    );
  }

  // ---- what the scheduler asks --------------------------------------------------------------------------------------

  workerAt(row: number): HiveWorker {
    return { hive_id: this.hiveAt(row).hiveId, worker: this.infoAt(row) };
  }

  isHiveAlive(row: number): boolean {
    return this.hiveAt(row).status === "alive";
  }

  rowsOfHive(hiveId: string): readonly number[] {
    return this.#hiveById(hiveId)?.rows ?? [];
  }

  groupOfModel(model: string): number {
    return this.#groupOfModel.get(model) ?? NONE;
  }

  rowOf(seat: number): number {
    return this.#seatRow[seat] as number;
  }

  groupOf(seat: number): number {
    return this.#seatGroup[seat] as number;
  }

  firstSeat(row: number): number {
    return this.#firstSeat[row] as number;
  }

  nextSeat(seat: number): number {
    return this.#nextSeat[seat] as number;
  }

  *seatsOf(group: number): Generator<number> {
    const { seats } = this.#groups[group] as ModelGroup;
    for (let at = 0; at < seats.size; at++) yield seats.at(at);
  }

  membershipOf(group: number): number {
    return (this.#groups[group] as ModelGroup).membership;
  }

  reservationsChanged(row: number, count: number): void {
    for (let seat = this.#firstSeat[row] as number; seat !== NONE; seat = this.#nextSeat[seat] as number) {
      const tie = count * CHOICES_MAX + ((this.#tie[seat] as number) % CHOICES_MAX);
      this.#tie[seat] = tie;
      if (this.#candidate[row] === 0) continue;
      const at = this.#seatGroup[seat] as number;
      (this.#groups[at] as ModelGroup).candidates.update(seat, this.#score[row] as number, tie);
      this.#rankGroup(at);
    }
  }

  // ---- workers of one hive ------------------------------------------------------------------------------------------

  #match(hive: HiveRecord, before: readonly WorkerInfo[], workers: readonly WorkerInfo[]): void {
    const left = new Map<string, number>();
    for (const [at, { worker_id }] of before.entries()) left.set(worker_id, at);
    const rows = hive.rows;
    hive.rows = workers.map((info, index) => {
      const at = left.get(info.worker_id);
      if (at === undefined) return this.#add(hive, index, info);
      left.delete(info.worker_id);
      const row = rows[at] as number;
      this.#index[row] = index;
      this.#replace(row, before[at] as WorkerInfo, info);
      return row;
    });
    for (const at of left.values()) this.#remove(rows[at] as number, before[at] as WorkerInfo);
  }

  #add(hive: HiveRecord, index: number, info: WorkerInfo): number {
    const row = this.#freeRows.pop() ?? this.#newRow();
    this.#hive[row] = hive;
    this.#index[row] = index;
    this.size++;
    this.states[info.state]++;
    this.#linkId(row, info.worker_id);
    this.#joinBackend(row, info.backend);
    this.#idlePosition[row] = info.state === "Idle" ? this.#idle.add(row) : NONE;
    this.#candidate[row] = 0;
    this.#slotsFree[row] = 0;
    this.#firstSeat[row] = NONE;
    this.#joinModels(row, info);
    return row;
  }

  #replace(row: number, before: WorkerInfo, info: WorkerInfo): void {
    if (!sameModels(before, info)) {
      this.#leaveModels(row);
      this.#joinModels(row, info);
    }
    if (before.backend !== info.backend) {
      this.#leaveBackend(row, before.backend);
      this.#joinBackend(row, info.backend);
    }
    if (before.state !== info.state) {
      this.states[before.state]--;
      this.states[info.state]++;
      if (info.state === "Idle") this.#idlePosition[row] = this.#idle.add(row);
      else if (before.state === "Idle") this.#leaveIdle(row);
    }
  }

  #refresh(row: number, info: WorkerInfo, hiveAlive: boolean): void {
    const candidate = hiveAlive && info.state === "Idle" && info.url !== undefined && info.draining !== true;
    const was = this.#candidate[row] === 1;
    if (!candidate && !was) return;
    const score = scoreOf(info);
    const slotsFree = candidate ? freeSlots(info) : 0;
    const slotsDelta = slotsFree - (this.#slotsFree[row] as number);
    if (candidate && was && score === this.#score[row] && slotsDelta === 0) return;
    this.#candidate[row] = candidate ? 1 : 0;
    this.#score[row] = score;
    this.#slotsFree[row] = slotsFree;
    for (let seat = this.#firstSeat[row] as number; seat !== NONE; seat = this.#nextSeat[seat] as number) {
      const at = this.#seatGroup[seat] as number;
      const group = this.#groups[at] as ModelGroup;
      group.slotsFree += slotsDelta;
      if (!candidate) group.candidates.remove(seat);
      else if (was) group.candidates.update(seat, score, this.#tie[seat] as number);
      else group.candidates.add(seat, score, this.#tie[seat] as number);
      this.#rankGroup(at);
    }
  }

  #remove(row: number, info: WorkerInfo): void {
    this.#leaveModels(row);
    this.#leaveBackend(row, info.backend);
    if (info.state === "Idle") this.#leaveIdle(row);
    this.#unlinkId(row, info.worker_id);
    this.states[info.state]--;
    this.size--;
    this.scheduler.rowRemoved(row);
    this.#hive[row] = undefined;
    this.#freeRows.push(row);
  }

  /** Adds or takes away a hive where a model counts the hives that have it. */
  #countModelsOf(hive: HiveRecord, by: 1 | -1): void {
    const count = ++this.#counts;
    for (const row of hive.rows) {
      for (let seat = this.#firstSeat[row] as number; seat !== NONE; seat = this.#nextSeat[seat] as number) {
        const group = this.#groups[this.#seatGroup[seat] as number] as ModelGroup;
        if (group.countedIn === count) continue;
        group.countedIn = count;
        group.hives += by;
      }
    }
  }

  // ---- rows ---------------------------------------------------------------------------------------------------------

  #newRow(): number {
    const row = this.#hive.length;
    if (row >= this.#score.length) {
      const capacity = grownCapacity(row + 1, this.#score.length);
      const candidate = new Uint8Array(capacity);
      candidate.set(this.#candidate);
      this.#candidate = candidate;
      this.#index = grownInt32(this.#index, capacity);
      this.#score = grownFloat64(this.#score, capacity);
      this.#slotsFree = grownInt32(this.#slotsFree, capacity);
      this.#idlePosition = grownInt32(this.#idlePosition, capacity);
      this.#backendPosition = grownInt32(this.#backendPosition, capacity);
      this.#firstSeat = grownInt32(this.#firstSeat, capacity);
      this.#newerNamesake = grownInt32(this.#newerNamesake, capacity);
      this.#olderNamesake = grownInt32(this.#olderNamesake, capacity);
    }
    this.#hive.push(undefined);
    return row;
  }

  #linkId(row: number, workerId: string): void {
    const older = this.#rowOfId.get(workerId) ?? NONE;
    this.#newerNamesake[row] = NONE;
    this.#olderNamesake[row] = older;
    if (older !== NONE) this.#newerNamesake[older] = row;
    this.#rowOfId.set(workerId, row);
  }

  #unlinkId(row: number, workerId: string): void {
    const newer = this.#newerNamesake[row] as number;
    const older = this.#olderNamesake[row] as number;
    if (newer !== NONE) this.#olderNamesake[newer] = older;
    else if (older !== NONE) this.#rowOfId.set(workerId, older);
    else this.#rowOfId.delete(workerId);
    if (older !== NONE) this.#newerNamesake[older] = newer;
  }

  #joinBackend(row: number, backend: string | undefined): void {
    if (backend === undefined) return;
    let rows = this.#backends.get(backend);
    if (rows === undefined) {
      rows = new SlotList();
      this.#backends.set(backend, rows);
    }
    this.#backendPosition[row] = rows.add(row);
  }

  #leaveBackend(row: number, backend: string | undefined): void {
    if (backend === undefined) return;
    const rows = this.#backends.get(backend) as SlotList;
    const position = this.#backendPosition[row] as number;
    const moved = rows.removeAt(position);
    if (moved !== NONE) this.#backendPosition[moved] = position;
    if (rows.size === 0) this.#backends.delete(backend);
  }

  #leaveIdle(row: number): void {
    const position = this.#idlePosition[row] as number;
    const moved = this.#idle.removeAt(position);
    if (moved !== NONE) this.#idlePosition[moved] = position;
    this.#idlePosition[row] = NONE;
  }

  // ---- seats and groups ---------------------------------------------------------------------------------------------

  #joinModels(row: number, info: WorkerInfo): void {
    if (info.models === undefined || info.models.length === 0) {
      this.#sit(row, info.model_id === undefined ? this.#modelless : this.#groupFor(info.model_id));
      return;
    }
    const models = new Set(info.models);
    if (info.model_id !== undefined) models.add(info.model_id);
    for (const model of models) this.#sit(row, this.#groupFor(model));
  }

  #sit(row: number, at: number): void {
    const seat = this.#freeSeats.pop() ?? this.#newSeat();
    const group = this.#groups[at] as ModelGroup;
    this.#seatRow[seat] = row;
    this.#seatGroup[seat] = at;
    this.#tie[seat] = 0;
    this.#seatPositions.column[seat] = NONE;
    this.#seatPosition[seat] = group.seats.add(seat);
    this.#nextSeat[seat] = this.#firstSeat[row] as number;
    this.#firstSeat[row] = seat;
    group.membership++;
    this.scheduler.seatAdded(seat);
    if (this.#candidate[row] === 0) return;
    group.candidates.add(seat, this.#score[row] as number, 0);
    group.slotsFree += this.#slotsFree[row] as number;
    this.#rankGroup(at);
  }

  #leaveModels(row: number): void {
    for (let seat = this.#firstSeat[row] as number; seat !== NONE; seat = this.#nextSeat[seat] as number) {
      const at = this.#seatGroup[seat] as number;
      const group = this.#groups[at] as ModelGroup;
      if (this.#candidate[row] === 1) {
        group.candidates.remove(seat);
        group.slotsFree -= this.#slotsFree[row] as number;
        this.#rankGroup(at);
      }
      const position = this.#seatPosition[seat] as number;
      const moved = group.seats.removeAt(position);
      if (moved !== NONE) this.#seatPosition[moved] = position;
      group.membership++;
      this.scheduler.seatRemoved(seat, at);
      if (group.seats.size === 0 && at !== this.#modelless) {
        this.scheduler.groupRemoved(at);
        this.#groupOfModel.delete(group.model);
        this.#freeGroups.push(at);
      }
      this.#freeSeats.push(seat);
    }
    this.#firstSeat[row] = NONE;
  }

  #newSeat(): number {
    const seat = this.#seats++;
    if (seat >= this.#seatRow.length) {
      const capacity = grownCapacity(seat + 1, this.#seatRow.length);
      this.#seatRow = grownInt32(this.#seatRow, capacity);
      this.#seatGroup = grownInt32(this.#seatGroup, capacity);
      this.#seatPosition = grownInt32(this.#seatPosition, capacity);
      this.#nextSeat = grownInt32(this.#nextSeat, capacity);
      this.#tie = grownFloat64(this.#tie, capacity);
      this.#seatPositions.column = grownInt32(this.#seatPositions.column, capacity);
    }
    return seat;
  }

  #groupFor(model: string): number {
    const known = this.#groupOfModel.get(model);
    if (known !== undefined) return known;
    const at = this.#addGroup(model);
    this.#groupOfModel.set(model, at);
    return at;
  }

  #addGroup(model: string): number {
    const at = this.#freeGroups.pop() ?? this.#groups.length;
    this.#groups[at] = new ModelGroup(model, new CandidateHeap(this.#seatPositions));
    const { length } = this.#groupPositions.column;
    if (at >= length)
      this.#groupPositions.column = grownInt32(this.#groupPositions.column, grownCapacity(at + 1, length));
    this.#groupPositions.column[at] = NONE;
    return at;
  }

  /** Puts a group where its best candidate belongs among those of the other groups. */
  #rankGroup(at: number): void {
    const { size, firstScore, firstTie } = (this.#groups[at] as ModelGroup).candidates;
    if (!this.#anyModel.has(at)) {
      if (size > 0) this.#anyModel.add(at, firstScore, firstTie);
    } else if (size > 0) {
      this.#anyModel.update(at, firstScore, firstTie);
    } else {
      this.#anyModel.remove(at);
    }
  }
}

/** Lower is better. */
function scoreOf(info: WorkerInfo): number {
  const gpu = info.gpu_percent ?? UNKNOWN_GPU_PERCENT;
  return info.health_status === "degraded" ? gpu + DEGRADED_PENALTY : gpu;
}

function freeSlots(info: WorkerInfo): number {
  return info.slots_total === undefined ? 1 : Math.max(0, info.slots_total - (info.slots_busy ?? 0));
}

/** The ordinary heartbeat: the same workers in the same order, with new numbers. */
function sameIdsAndModels(before: readonly WorkerInfo[], now: readonly WorkerInfo[]): boolean {
  if (before.length !== now.length) return false;
  for (let at = 0; at < now.length; at++) {
    const a = before[at] as WorkerInfo;
    const b = now[at] as WorkerInfo;
    if (a.worker_id !== b.worker_id || !sameModels(a, b)) return false;
  }
  return true;
}

function sameModels(a: WorkerInfo, b: WorkerInfo): boolean {
  if (a.model_id !== b.model_id) return false;
  if (a.models === b.models) return true;
  if (a.models === undefined || b.models === undefined || a.models.length !== b.models.length) return false;
  return a.models.every((model, at) => model === b.models?.[at]);
}
