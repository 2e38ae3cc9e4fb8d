import type { Intern } from "../heartbeats/copy-worker.ts";
import type { HiveRecord } from "../hives/hive-record.ts";
import { CandidateHeap } from "../indexes/candidate-heap.ts";
import { floatAt, intAt, Records } from "../indexes/records.ts";
import { SlotList } from "../indexes/slot-list.ts";
import { seedFrom, TextTable } from "../indexes/text-table.ts";
import { ModelNames } from "../models/model-names.ts";
import { Scheduler, type SchedulerOptions, type SchedulerView } from "../scheduler/scheduler.ts";
import type { HiveStatus, HiveWorker, Labels, ModelSummary, WorkerInfo } from "../types.ts";
import { ModelGroup } from "./model-group.ts";

/** A worker that does not report `gpu_percent` is taken for fully used. Rule: design, "findBestWorkerForModel". */
const UNKNOWN_GPU_PERCENT = 100;
/** Puts every degraded worker behind every healthy one. */
const DEGRADED_PENALTY = 1e6;
/** Puts those that failed lately behind all others. */
const SET_ASIDE_PENALTY = 1e7;
/** Names of backends and engines that are kept once for all; past so many, sharing is not worth the table. */
const SHARED_TEXTS_MAX = 1_024;
/** In a tie the number of reservations comes before the number of the last choice: room for 10¹² choices. */
const CHOICES_MAX = 2 ** 40;
const NONE = -1;

// A row: floats, then ints.
/** What the worker is ranked by; {@link NO_CANDIDATE} while it cannot take a request. */
const SCORE = 0;
const SLOTS_FREE = 2;
const IDLE_POSITION = 3;
const BACKEND_POSITION = 4;
const FIRST_SEAT = 5;
/** Workers of the same id on other hives, as a list: heard later, heard earlier. */
const NEWER_NAMESAKE = 6;
const OLDER_NAMESAKE = 7;

// A seat: floats, then ints.
/** The number of the last choice that fell on it. Outlives its time as a candidate. */
const LAST_CHOICE = 0;
const ROW = 2;
const GROUP = 3;
const GROUP_POSITION = 4;
const NEXT_SEAT = 5;
const HEAP_POSITION = 6;
/** Reservations that its key among the candidates counts, or more. */
const COUNTED = 7;

const NO_CANDIDATE = Number.POSITIVE_INFINITY;

/**
 * Every worker of the fleet: a row a worker, and a seat for each model that it has (one in the group of those without a
 * model when it has none). What callers see are the objects that the heartbeat brought; what the registry must find or
 * compare quickly is a number in a record, because a million small objects would cost three times the memory and a cache
 * miss a step.
 */
export class WorkerTable implements SchedulerView {
  readonly scheduler: Scheduler;
  readonly #rows: Records = new Records();
  readonly #hives: (HiveRecord | undefined)[] = [];
  readonly #infos: (WorkerInfo | undefined)[] = [];
  readonly #seats: Records = new Records();

  readonly #groups: ModelGroup[] = [];
  readonly #groupRecords: Records = new Records();
  readonly models: ModelNames = new ModelNames();
  /** The groups that have a candidate, by their best one: its first is the best worker of all. */
  readonly #anyModel: CandidateHeap = new CandidateHeap({ records: this.#groupRecords, field: 0 });
  readonly #backends: Map<string, SlotList> = new Map();
  readonly #idle: SlotList = new SlotList();
  /** Row of the worker of that id that was heard last. */
  readonly #rowOfId: TextTable;
  readonly #sharedTexts: Map<string, string> = new Map();
  readonly #modelless: number;
  readonly #hiveById: (hiveId: string) => HiveRecord | undefined;
  #choices = 0;
  #counts = 0;
  #memberships = 0;

  size = 0;
  readonly states: Record<WorkerInfo["state"], number> = { Idle: 0, Busy: 0, Loading: 0 };

  constructor(
    deps: {
      /** For questions about one hive. */
      readonly hiveById: (hiveId: string) => HiveRecord | undefined;
      readonly now: () => number;
      /** A reserved place at that worker was given back, or it may be tried again. */
      readonly onFreed: (row: number) => void;
    },
    options: SchedulerOptions,
  ) {
    this.#hiveById = deps.hiveById;
    this.#rowOfId = new TextTable(seedFrom(options.random));
    this.#modelless = this.#addGroup("");
    this.scheduler = new Scheduler({ view: this, now: deps.now, onFreed: deps.onFreed }, options);
  }

  /** One copy of each name that many workers share. */
  readonly intern: Intern = {
    model: (text) => {
      const group = this.models.get(text);
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
    return this.#infos[row] as WorkerInfo;
  }

  hiveAt(row: number): HiveRecord {
    return this.#hives[row] as HiveRecord;
  }

  /** Row of the worker of that id whose hive was heard last; -1 when there is none. */
  find(workerId: string): number {
    return this.#rowOfId.get(workerId);
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

  /** Its process was started anew, and its workers with it. */
  restarted(hive: HiveRecord): void {
    for (const row of hive.rows) this.scheduler.restarted(row);
  }

  /** The hive was heard: its workers come first among those of the same id. */
  heard(hive: HiveRecord): void {
    const { rows, workers } = hive;
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number;
      if (this.#rows.ints[intAt(row, NEWER_NAMESAKE)] === NONE) continue;
      const { worker_id } = workers[at] as WorkerInfo;
      this.#unlinkId(row, worker_id);
      this.#linkId(row, worker_id);
    }
  }

  // ---- what a scheduler asks ----------------------------------------------------------------------------------------

  /** The best candidate with the model, else the best of all; -1 when there is none. Choosing it puts it behind its equals. */
  choose(modelId: string): number {
    const loaded = this.models.get(modelId);
    const withModel = loaded !== undefined && (this.#groups[loaded] as ModelGroup).candidates.size > 0;
    const at = withModel ? loaded : this.#bestGroup();
    if (at === NONE) return NONE;
    const { candidates } = this.#groups[at] as ModelGroup;
    const seat = this.#settledFirst(candidates);
    this.#seats.floats[floatAt(seat, LAST_CHOICE)] = ++this.#choices;
    candidates.update(seat, candidates.firstScore, this.#tie(seat));
    this.#rankGroup(at);
    return this.rowOf(seat);
  }

  *withModel(modelId: string): Generator<number> {
    const group = this.models.get(modelId);
    if (group === undefined) return;
    const { seats } = this.#groups[group] as ModelGroup;
    for (let at = 0; at < seats.size; at++) yield this.#seats.ints[intAt(seats.at(at), ROW)] as number;
  }

  *withBackend(backend: string): Generator<number> {
    const rows = this.#backends.get(backend);
    if (rows !== undefined) for (let at = 0; at < rows.size; at++) yield rows.at(at);
  }

  *idle(): Generator<number> {
    for (let at = 0; at < this.#idle.size; at++) yield this.#idle.at(at);
  }

  *all(): Generator<number> {
    for (let row = 0; row < this.#hives.length; row++) if (this.#hives[row] !== undefined) yield row;
  }

  *modelSummaries(): Generator<ModelSummary> {
    for (const [, at] of this.models.entries()) {
      const { model, seats, candidates, hives, slotsFree } = this.#groups[at] as ModelGroup;
      yield { model, workers: seats.size, idle_workers: candidates.size, hives, slots_free: slotsFree };
    }
  }

  countsByBackend(): Record<string, number> {
    return Object.fromEntries(Array.from(this.#backends, ([backend, rows]) => [backend, rows.size]));
  }

  countsByModel(): Record<string, number> {
    return Object.fromEntries(
      Array.from(this.models.entries(), ([model, at]) => [model, (this.#groups[at] as ModelGroup).seats.size]),
    );
  }

  // ---- what the scheduler asks --------------------------------------------------------------------------------------

  workerAt(row: number): HiveWorker {
    const hive_id = this.hiveAt(row).hiveId;
    const worker = this.infoAt(row);
    const set_aside_until_ms = this.scheduler.breaker.untilMs(row);
    return set_aside_until_ms === undefined ? { hive_id, worker } : { hive_id, worker, set_aside_until_ms };
  }

  isHiveAlive(row: number): boolean {
    return this.hiveAt(row).status === "alive";
  }

  rowsOfHive(hiveId: string): readonly number[] {
    return this.#hiveById(hiveId)?.rows ?? [];
  }

  resolveModel(name: string): readonly number[] {
    return this.models.resolve(name);
  }

  modelOf(group: number): string {
    return (this.#groups[group] as ModelGroup).model;
  }

  rowOf(seat: number): number {
    return this.#seats.ints[intAt(seat, ROW)] as number;
  }

  groupOf(seat: number): number {
    return this.#seats.ints[intAt(seat, GROUP)] as number;
  }

  firstSeat(row: number): number {
    return this.#rows.ints[intAt(row, FIRST_SEAT)] as number;
  }

  nextSeat(seat: number): number {
    return this.#seats.ints[intAt(seat, NEXT_SEAT)] as number;
  }

  *seatsOf(group: number): Generator<number> {
    const { seats } = this.#groups[group] as ModelGroup;
    for (let at = 0; at < seats.size; at++) yield seats.at(at);
  }

  sizeOf(group: number): number {
    return (this.#groups[group] as ModelGroup).seats.size;
  }

  membershipOf(group: number): number {
    return (this.#groups[group] as ModelGroup).membership;
  }

  labelsAt(row: number): Labels | undefined {
    return this.hiveAt(row).labels;
  }

  statusAt(row: number): HiveStatus {
    return this.hiveAt(row).status;
  }

  /** Who got worse is put where it belongs when it comes up first; see {@link WorkerTable.#settledFirst}. */
  gotBetter(row: number, wasAside: boolean): void {
    const score = this.#rows.floats[floatAt(row, SCORE)] as number;
    if (score === NO_CANDIDATE) return;
    const reserved = this.scheduler.room.reservedAt(row);
    for (let seat = this.firstSeat(row); seat !== NONE; seat = this.nextSeat(seat)) {
      // Mostly it never was put behind its equals for what is given back now.
      if (!wasAside && (this.#seats.ints[intAt(seat, COUNTED)] as number) <= reserved) continue;
      const at = this.groupOf(seat);
      (this.#groups[at] as ModelGroup).candidates.improve(seat, this.#score(row), this.#tie(seat));
      this.#rankGroup(at);
    }
  }

  // ---- workers of one hive ------------------------------------------------------------------------------------------

  #match(hive: HiveRecord, before: readonly WorkerInfo[], workers: readonly WorkerInfo[]): void {
    const left = new Map<string, number>();
    for (const [at, { worker_id }] of before.entries()) left.set(worker_id, at);
    const rows = hive.rows;
    hive.rows = workers.map((info) => {
      const at = left.get(info.worker_id);
      if (at === undefined) return this.#add(hive, info);
      left.delete(info.worker_id);
      const row = rows[at] as number;
      this.#replace(row, before[at] as WorkerInfo, info);
      return row;
    });
    for (const at of left.values()) this.#remove(rows[at] as number, before[at] as WorkerInfo);
  }

  #add(hive: HiveRecord, info: WorkerInfo): number {
    const row = this.#rows.add();
    this.#hives[row] = hive;
    this.#infos[row] = info;
    this.size++;
    this.states[info.state]++;
    this.#linkId(row, info.worker_id);
    this.#joinBackend(row, info.backend);
    this.#rows.floats[floatAt(row, SCORE)] = NO_CANDIDATE;
    const { ints } = this.#rows;
    ints[intAt(row, IDLE_POSITION)] = info.state === "Idle" ? this.#idle.add(row) : NONE;
    ints[intAt(row, SLOTS_FREE)] = 0;
    ints[intAt(row, FIRST_SEAT)] = NONE;
    this.#joinModels(row, info);
    return row;
  }

  #replace(row: number, before: WorkerInfo, info: WorkerInfo): void {
    this.#infos[row] = info;
    if (!sameModels(before, info)) {
      this.#leaveModels(row);
      this.#joinModels(row, info);
    }
    if (before.backend !== info.backend) {
      this.#leaveBackend(row, before.backend);
      this.#joinBackend(row, info.backend);
    }
    if (before.state !== info.state) {
      if (before.state === "Loading") this.scheduler.restarted(row);
      this.states[before.state]--;
      this.states[info.state]++;
      if (info.state === "Idle") this.#rows.ints[intAt(row, IDLE_POSITION)] = this.#idle.add(row);
      else if (before.state === "Idle") this.#leaveIdle(row);
    }
  }

  #refresh(row: number, info: WorkerInfo, hiveAlive: boolean): void {
    const { ints, floats } = this.#rows;
    const score = hiveAlive ? scoreOf(info) : NO_CANDIDATE;
    const before = floats[floatAt(row, SCORE)] as number;
    const slotsFree = score === NO_CANDIDATE ? 0 : freeSlots(info);
    const slotsDelta = slotsFree - (ints[intAt(row, SLOTS_FREE)] as number);
    if (score === before && slotsDelta === 0) return;
    floats[floatAt(row, SCORE)] = score;
    ints[intAt(row, SLOTS_FREE)] = slotsFree;
    for (let seat = this.firstSeat(row); seat !== NONE; seat = this.nextSeat(seat)) {
      const at = this.#seats.ints[intAt(seat, GROUP)] as number;
      const group = this.#groups[at] as ModelGroup;
      group.slotsFree += slotsDelta;
      if (score === NO_CANDIDATE) group.candidates.remove(seat);
      else if (before === NO_CANDIDATE) group.candidates.add(seat, this.#score(row), this.#tie(seat));
      else group.candidates.update(seat, this.#score(row), this.#tie(seat));
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
    this.#hives[row] = undefined;
    this.#infos[row] = undefined;
    this.#rows.remove(row);
  }

  /** Adds or takes away a hive where a model counts the hives that have it. */
  #countModelsOf(hive: HiveRecord, by: 1 | -1): void {
    const count = ++this.#counts;
    for (const row of hive.rows) {
      for (let seat = this.firstSeat(row); seat !== NONE; seat = this.nextSeat(seat)) {
        const group = this.#groups[this.#seats.ints[intAt(seat, GROUP)] as number] as ModelGroup;
        if (group.countedIn === count) continue;
        group.countedIn = count;
        group.hives += by;
      }
    }
  }

  // ---- rows ---------------------------------------------------------------------------------------------------------

  #linkId(row: number, workerId: string): void {
    const { ints } = this.#rows;
    const older = this.#rowOfId.get(workerId);
    ints[intAt(row, NEWER_NAMESAKE)] = NONE;
    ints[intAt(row, OLDER_NAMESAKE)] = older;
    if (older !== NONE) ints[intAt(older, NEWER_NAMESAKE)] = row;
    this.#rowOfId.set(workerId, row);
  }

  #unlinkId(row: number, workerId: string): void {
    const { ints } = this.#rows;
    const newer = ints[intAt(row, NEWER_NAMESAKE)] as number;
    const older = ints[intAt(row, OLDER_NAMESAKE)] as number;
    if (newer !== NONE) ints[intAt(newer, OLDER_NAMESAKE)] = older;
    else if (older !== NONE) this.#rowOfId.set(workerId, older);
    else this.#rowOfId.delete(workerId);
    if (older !== NONE) ints[intAt(older, NEWER_NAMESAKE)] = newer;
  }

  #joinBackend(row: number, backend: string | undefined): void {
    if (backend === undefined) return;
    let rows = this.#backends.get(backend);
    if (rows === undefined) {
      rows = new SlotList();
      this.#backends.set(backend, rows);
    }
    this.#rows.ints[intAt(row, BACKEND_POSITION)] = rows.add(row);
  }

  #leaveBackend(row: number, backend: string | undefined): void {
    if (backend === undefined) return;
    const rows = this.#backends.get(backend) as SlotList;
    const { ints } = this.#rows;
    const position = ints[intAt(row, BACKEND_POSITION)] as number;
    const moved = rows.removeAt(position);
    if (moved !== NONE) ints[intAt(moved, BACKEND_POSITION)] = position;
    if (rows.size === 0) this.#backends.delete(backend);
  }

  #leaveIdle(row: number): void {
    const { ints } = this.#rows;
    const position = ints[intAt(row, IDLE_POSITION)] as number;
    const moved = this.#idle.removeAt(position);
    if (moved !== NONE) ints[intAt(moved, IDLE_POSITION)] = position;
    ints[intAt(row, IDLE_POSITION)] = NONE;
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

  /** Lower is better; of a candidate. */
  #score(row: number): number {
    const score = this.#rows.floats[floatAt(row, SCORE)] as number;
    return this.scheduler.room.isAside(row) ? score + SET_ASIDE_PENALTY : score;
  }

  /** Among equals: who has fewer reservations, then who was chosen less recently. For a key that the seat is given now. */
  #tie(seat: number): number {
    const reserved = this.scheduler.room.reservedAt(this.rowOf(seat));
    this.#seats.ints[intAt(seat, COUNTED)] = reserved;
    return reserved * CHOICES_MAX + (this.#seats.floats[floatAt(seat, LAST_CHOICE)] as number);
  }

  /** The best candidate. Those that got worse since they were put where they stand are put right on the way. */
  #settledFirst(candidates: CandidateHeap): number {
    for (;;) {
      const seat = candidates.first;
      const score = this.#score(this.rowOf(seat));
      const tie = this.#tie(seat);
      if (candidates.isAt(seat, score, tie)) return seat;
      candidates.update(seat, score, tie);
    }
  }

  /** The group that has the best candidate of all; -1 when nobody is one. */
  #bestGroup(): number {
    for (;;) {
      const at = this.#anyModel.first;
      if (at === NONE) return NONE;
      const { candidates } = this.#groups[at] as ModelGroup;
      this.#settledFirst(candidates);
      if (this.#anyModel.isAt(at, candidates.firstScore, candidates.firstTie)) return at;
      this.#rankGroup(at);
    }
  }

  #sit(row: number, at: number): void {
    const seat = this.#seats.add();
    const group = this.#groups[at] as ModelGroup;
    const { ints, floats } = this.#seats;
    floats[floatAt(seat, LAST_CHOICE)] = 0;
    ints[intAt(seat, ROW)] = row;
    ints[intAt(seat, GROUP)] = at;
    ints[intAt(seat, GROUP_POSITION)] = group.seats.add(seat);
    ints[intAt(seat, NEXT_SEAT)] = this.#rows.ints[intAt(row, FIRST_SEAT)] as number;
    ints[intAt(seat, HEAP_POSITION)] = NONE;
    this.#rows.ints[intAt(row, FIRST_SEAT)] = seat;
    group.membership = ++this.#memberships;
    this.scheduler.seatAdded(seat);
    if (this.#rows.floats[floatAt(row, SCORE)] === NO_CANDIDATE) return;
    group.candidates.add(seat, this.#score(row), this.#tie(seat));
    group.slotsFree += this.#rows.ints[intAt(row, SLOTS_FREE)] as number;
    this.#rankGroup(at);
  }

  #leaveModels(row: number): void {
    const isCandidate = this.#rows.floats[floatAt(row, SCORE)] !== NO_CANDIDATE;
    const slotsFree = this.#rows.ints[intAt(row, SLOTS_FREE)] as number;
    const { ints } = this.#seats;
    for (let seat = this.firstSeat(row); seat !== NONE; seat = this.nextSeat(seat)) {
      const at = ints[intAt(seat, GROUP)] as number;
      const group = this.#groups[at] as ModelGroup;
      if (isCandidate) {
        group.candidates.remove(seat);
        group.slotsFree -= slotsFree;
        this.#rankGroup(at);
      }
      const position = ints[intAt(seat, GROUP_POSITION)] as number;
      const moved = group.seats.removeAt(position);
      if (moved !== NONE) ints[intAt(moved, GROUP_POSITION)] = position;
      group.membership = ++this.#memberships;
      this.scheduler.seatRemoved(seat, at);
      if (group.seats.size === 0 && at !== this.#modelless) {
        this.scheduler.groupRemoved(at);
        this.models.remove(group.model);
        this.#groupRecords.remove(at);
      }
      this.#seats.remove(seat);
    }
    this.#rows.ints[intAt(row, FIRST_SEAT)] = NONE;
  }

  #groupFor(model: string): number {
    const known = this.models.get(model);
    if (known !== undefined) return known;
    const at = this.#addGroup(model);
    this.models.add(model, at);
    return at;
  }

  #addGroup(model: string): number {
    const at = this.#groupRecords.add();
    this.#groupRecords.ints[intAt(at, 0)] = NONE;
    this.#groups[at] = new ModelGroup(model, new CandidateHeap({ records: this.#seats, field: HEAP_POSITION }));
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
  if (info.state !== "Idle" || info.url === undefined || info.draining === true) return NO_CANDIDATE;
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
