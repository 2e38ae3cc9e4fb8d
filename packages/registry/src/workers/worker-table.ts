import type { WorkerChange, WorkerChanges } from "../changes/worker-changes.ts";
import type { WorkerDraft } from "../heartbeats/worker-draft.ts";
import type { HiveRecord } from "../hives/hive-record.ts";
import { CandidateHeap } from "../indexes/candidate-heap.ts";
import { NumberSet } from "../indexes/number-set.ts";
import { floatAt, intAt, Records } from "../indexes/records.ts";
import { seedFrom } from "../indexes/text-table.ts";
import { ModelNames } from "../models/model-names.ts";
import { Scheduler, type SchedulerOptions, type SchedulerView } from "../scheduler/scheduler.ts";
import type { HiveStatus, HiveWorker, Labels, ModelSummary, WorkerInfo } from "../types.ts";
import { BackendLists } from "./backend-lists.ts";
import { ModelGroup } from "./model-group.ts";
import { WorkerIds } from "./worker-ids.ts";
import { FIRST_SEAT, rowFloat, rowInt, SCORE, SLOTS_FREE, sameList, WorkerRows } from "./worker-rows.ts";

/** A worker that does not report `gpu_percent` is taken for fully used. Rule: design, "findBestWorkerForModel". */
const UNKNOWN_GPU_PERCENT = 100;
/** Puts every degraded worker behind every healthy one. */
const DEGRADED_PENALTY = 1e6;
/** Puts every worker on a hive that flaps behind those. */
const FLAPPING_PENALTY = 4e6;
/** Puts those that failed lately behind all others. */
const SET_ASIDE_PENALTY = 1e7;
/** Names of backends and engines that are kept once for all; past so many, sharing is not worth the table. */
const SHARED_TEXTS_MAX = 1_024;
/** In a tie the number of reservations comes before the number of the last choice: room for 10¹² choices. */
const CHOICES_MAX = 2 ** 40;
const NONE = -1;

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

/** The score of a worker that cannot take a request. */
const NO_CANDIDATE = Number.POSITIVE_INFINITY;

/**
 * Every worker of the fleet: a row a worker, and a seat for each model that it has (one in the group of those without a
 * model when it has none). What the registry must find or compare quickly is a number in a record, because a million small
 * objects would cost three times the memory and a cache miss a step.
 */
export class WorkerTable implements SchedulerView {
  readonly scheduler: Scheduler;
  /** What the workers report, and where each stands. */
  readonly rows: WorkerRows;
  readonly #numbers: Records;
  readonly #seats: Records = new Records();

  readonly #groups: ModelGroup[] = [];
  readonly #groupRecords: Records = new Records();
  readonly models: ModelNames<number> = new ModelNames();
  /** The groups that have a candidate, by their best one: its first is the best worker of all. */
  readonly #anyModel: CandidateHeap = new CandidateHeap({ records: this.#groupRecords, field: 0 });
  readonly #backends: BackendLists;
  readonly #idle: NumberSet = new NumberSet();
  readonly #ids: WorkerIds;
  readonly #sharedTexts: Map<string, string> = new Map();
  readonly #modelless: number;
  readonly #hiveById: (hiveId: string) => HiveRecord | undefined;
  readonly #now: () => number;
  readonly #changes: WorkerChanges;
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
      readonly changes: WorkerChanges;
    },
    options: SchedulerOptions,
  ) {
    this.#hiveById = deps.hiveById;
    this.#now = deps.now;
    this.#changes = deps.changes;
    this.rows = new WorkerRows({
      model: (text) => this.#sharedModel(text),
      other: (text) => this.#sharedText(text),
    });
    this.#numbers = this.rows.records;
    this.#ids = new WorkerIds(this.rows, seedFrom(options.random));
    this.#backends = new BackendLists(this.rows);
    this.#modelless = this.#addGroup("");
    this.scheduler = new Scheduler({ view: this, now: deps.now, onFreed: deps.onFreed }, options);
  }

  /** Row of the worker of that id whose hive was heard last; -1 when there is none. */
  find(workerId: string): number {
    return this.#ids.find(workerId);
  }

  // ---- what a heartbeat does ----------------------------------------------------------------------------------------

  /**
   * Gives a hive exactly the workers of the draft. Ids must be unique among them. A worker that was there before keeps its
   * row, and with it its place among its equals.
   */
  setWorkers(hive: HiveRecord, draft: WorkerDraft, hiveAlive: boolean): void {
    if (this.hasSameIds(hive, draft) && this.#haveSameModels(hive.rows, draft)) {
      for (let at = 0; at < draft.size; at++) this.#write(hive.rows[at] as number, draft, at);
    } else {
      this.#countModelsOf(hive, -1);
      this.#match(hive, draft);
      this.#countModelsOf(hive, 1);
    }
    const { flapping } = hive;
    for (const row of hive.rows) {
      this.#refresh(row, hiveAlive, flapping);
      this.scheduler.reported(row, hive.receivedAtMs);
    }
    this.heard(hive);
  }

  /** Takes all of a hive's workers away. */
  removeWorkers(hive: HiveRecord): void {
    this.#countModelsOf(hive, -1);
    for (const row of hive.rows) this.#remove(row, "hive");
    hive.rows = [];
  }

  /** The ordinary heartbeat: the same workers in the same order, with new numbers. */
  hasSameIds({ rows }: HiveRecord, draft: WorkerDraft): boolean {
    if (rows.length !== draft.size) return false;
    for (let at = 0; at < rows.length; at++) {
      if (this.rows.idAt(rows[at] as number) !== draft.at(at).worker_id) return false;
    }
    return true;
  }

  /** Brings ranking and free slots up to date with what the hive's workers report and with whether the hive is alive. */
  refresh(hive: HiveRecord, hiveAlive: boolean): void {
    const { flapping } = hive;
    for (const row of hive.rows) {
      this.#refresh(row, hiveAlive, flapping);
      this.scheduler.refreshed(row);
    }
  }

  /** Its process was started anew, and its workers with it. */
  restarted(hive: HiveRecord): void {
    for (const row of hive.rows) this.scheduler.restarted(row);
  }

  /** The hive was heard: its workers come first among those of the same id. */
  heard(hive: HiveRecord): void {
    for (const row of hive.rows) this.#ids.heard(row);
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

  withBackend(backend: string): Iterable<number> {
    return this.#backends.with(backend);
  }

  idle(): Iterable<number> {
    return this.#idle.values();
  }

  *all(): Generator<number> {
    for (let row = 0; row < this.#numbers.size; row++) if (this.rows.has(row)) yield row;
  }

  *modelSummaries(): Generator<ModelSummary> {
    for (const [, at] of this.models.entries()) {
      const { model, seats, candidates, hives, slotsFree } = this.#groups[at] as ModelGroup;
      yield { model, workers: seats.size, idle_workers: candidates.size, hives, slots_free: slotsFree };
    }
  }

  countsByBackend(): Record<string, number> {
    return this.#backends.counts();
  }

  countsByModel(): Record<string, number> {
    return Object.fromEntries(
      Array.from(this.models.entries(), ([model, at]) => [model, (this.#groups[at] as ModelGroup).seats.size]),
    );
  }

  // ---- what the scheduler asks --------------------------------------------------------------------------------------

  workerAt(row: number): HiveWorker {
    const hive_id = this.rows.hiveIdAt(row);
    const worker = this.rows.copyAt(row);
    const set_aside_until_ms = this.scheduler.breaker.untilMs(row);
    return set_aside_until_ms === undefined ? { hive_id, worker } : { hive_id, worker, set_aside_until_ms };
  }

  isHiveAlive(row: number): boolean {
    return this.rows.hiveAt(row).status === "alive";
  }

  isHiveFlapping(row: number): boolean {
    return this.rows.hiveAt(row).flapping;
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
    return this.#numbers.ints[rowInt(row, FIRST_SEAT)] as number;
  }

  nextSeat(seat: number): number {
    return this.#seats.ints[intAt(seat, NEXT_SEAT)] as number;
  }

  *seatsOf(group: number): Generator<number> {
    const { seats } = this.#groups[group] as ModelGroup;
    for (let at = 0; at < seats.size; at++) yield seats.at(at);
  }

  seatAt(group: number, at: number): number {
    return (this.#groups[group] as ModelGroup).seats.at(at);
  }

  sizeOf(group: number): number {
    return (this.#groups[group] as ModelGroup).seats.size;
  }

  membershipOf(group: number): number {
    return (this.#groups[group] as ModelGroup).membership;
  }

  labelsAt(row: number): Labels | undefined {
    return this.rows.hiveAt(row).labels;
  }

  statusAt(row: number): HiveStatus {
    return this.rows.hiveAt(row).status;
  }

  failed(row: number, untilMs: number): void {
    if (this.#changes.wanted) {
      const { hive_id, worker_id, model_id, at_ms } = this.#what(row);
      this.#changes.note({ kind: "failed", hive_id, worker_id, model_id, at_ms, until_ms: untilMs });
    }
  }

  recovered(row: number): void {
    if (this.#changes.wanted) {
      const { hive_id, worker_id, model_id, at_ms } = this.#what(row);
      this.#changes.note({ kind: "recovered", hive_id, worker_id, model_id, at_ms });
    }
  }

  /** Who got worse is put where it belongs when it comes up first; see {@link WorkerTable.#settledFirst}. */
  gotBetter(row: number, wasAside: boolean): void {
    const score = this.#numbers.floats[rowFloat(row, SCORE)] as number;
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

  #match(hive: HiveRecord, draft: WorkerDraft): void {
    const left = new Map<string, number>();
    for (const row of hive.rows) left.set(this.rows.idAt(row), row);
    const rows = new Array<number>(draft.size);
    for (let at = 0; at < draft.size; at++) {
      const { worker_id } = draft.at(at);
      const row = left.get(worker_id);
      left.delete(worker_id);
      if (row !== undefined) this.#write(row, draft, at);
      rows[at] = row ?? this.#add(hive, draft, at);
    }
    for (const row of left.values()) this.#remove(row, "unlisted");
    hive.rows = rows;
  }

  #add(hive: HiveRecord, draft: WorkerDraft, at: number): number {
    const row = this.rows.add(hive, draft.at(at).worker_id);
    this.rows.write(row, draft, at);
    const state = this.rows.stateAt(row);
    this.size++;
    this.states[state]++;
    this.#ids.add(row);
    this.#backends.add(row);
    this.#numbers.floats[rowFloat(row, SCORE)] = NO_CANDIDATE;
    const { ints } = this.#numbers;
    if (state === "Idle") this.#idle.add(row);
    ints[rowInt(row, SLOTS_FREE)] = 0;
    ints[rowInt(row, FIRST_SEAT)] = NONE;
    this.#joinModels(row);
    if (this.#changes.wanted) {
      const { hive_id, worker_id, model_id, at_ms } = this.#what(row);
      this.#changes.note({ kind: "added", hive_id, worker_id, model_id, at_ms, state });
    }
    return row;
  }

  /** What a worker reports now, in place of what it reported before. */
  #write(row: number, draft: WorkerDraft, at: number): void {
    const stateBefore = this.rows.stateAt(row);
    const sameModels = this.#hasSameModels(row, draft, at);
    const sameBackend = this.rows.backendAt(row) === draft.at(at).backend;
    if (!sameModels) this.#leaveModels(row);
    if (!sameBackend) this.#backends.remove(row);
    this.rows.write(row, draft, at);
    if (!sameModels) this.#joinModels(row);
    if (!sameBackend) this.#backends.add(row);
    const state = this.rows.stateAt(row);
    if (state === stateBefore) return;
    if (this.#changes.wanted) {
      const { hive_id, worker_id, model_id, at_ms } = this.#what(row);
      this.#changes.note({ kind: "state", hive_id, worker_id, model_id, at_ms, from: stateBefore, to: state });
    }
    if (stateBefore === "Loading") this.scheduler.restarted(row);
    this.states[stateBefore]--;
    this.states[state]++;
    if (state === "Idle") this.#idle.add(row);
    else if (stateBefore === "Idle") this.#idle.delete(row);
  }

  #haveSameModels(rows: readonly number[], draft: WorkerDraft): boolean {
    for (let at = 0; at < rows.length; at++) if (!this.#hasSameModels(rows[at] as number, draft, at)) return false;
    return true;
  }

  #hasSameModels(row: number, draft: WorkerDraft, at: number): boolean {
    const { model_id, models } = draft.at(at);
    return this.rows.modelAt(row) === model_id && sameList(this.rows.modelsAt(row), models);
  }

  #refresh(row: number, hiveAlive: boolean, flapping: boolean): void {
    const { ints, floats } = this.#numbers;
    const score = hiveAlive ? this.#reportedScore(row, flapping) : NO_CANDIDATE;
    const before = floats[rowFloat(row, SCORE)] as number;
    const slotsFree = score === NO_CANDIDATE ? 0 : this.#freeSlots(row);
    const slotsDelta = slotsFree - (ints[rowInt(row, SLOTS_FREE)] as number);
    if (score === before && slotsDelta === 0) return;
    floats[rowFloat(row, SCORE)] = score;
    ints[rowInt(row, SLOTS_FREE)] = slotsFree;
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

  /** Lower is better. `flapping`: its hive, which is at hand where this is asked, and a read at a random place away here. */
  #reportedScore(row: number, flapping: boolean): number {
    const { rows } = this;
    if (rows.stateAt(row) !== "Idle" || rows.urlAt(row) === undefined || rows.isDraining(row)) return NO_CANDIDATE;
    const gpu = rows.gpuPercentAt(row);
    const score = Number.isNaN(gpu) ? UNKNOWN_GPU_PERCENT : gpu;
    return score + (flapping ? FLAPPING_PENALTY : 0) + (rows.isDegraded(row) ? DEGRADED_PENALTY : 0);
  }

  #freeSlots(row: number): number {
    const [total, busy] = [this.rows.slotsTotalAt(row), this.rows.slotsBusyAt(row)];
    if (Number.isNaN(total)) return 1;
    return Number.isNaN(busy) ? Math.max(0, total) : Math.max(0, total - busy);
  }

  #remove(row: number, reason: "unlisted" | "hive"): void {
    if (this.#changes.wanted) {
      const { hive_id, worker_id, model_id, at_ms } = this.#what(row);
      this.#changes.note({ kind: "removed", hive_id, worker_id, model_id, at_ms, reason });
    }
    this.#leaveModels(row);
    this.#backends.remove(row);
    const state = this.rows.stateAt(row);
    if (state === "Idle") this.#idle.delete(row);
    this.#ids.remove(row);
    this.states[state]--;
    this.size--;
    this.scheduler.rowRemoved(row);
    this.rows.remove(row);
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

  /** Of which worker a change tells. To be written out where it is used: V8 is slow at spreading one object into many kinds. */
  #what(row: number): Pick<WorkerChange, "hive_id" | "worker_id" | "model_id" | "at_ms"> {
    const { rows } = this;
    return {
      hive_id: rows.hiveIdAt(row),
      worker_id: rows.idAt(row),
      model_id: rows.modelAt(row),
      at_ms: this.#now(),
    };
  }

  // ---- rows ---------------------------------------------------------------------------------------------------------

  /** One copy of each name that many workers share. */
  #sharedModel(text: string): string {
    const group = this.models.get(text);
    return group === undefined ? text : (this.#groups[group] as ModelGroup).model;
  }

  #sharedText(text: string): string {
    const known = this.#sharedTexts.get(text);
    if (known !== undefined) return known;
    if (this.#sharedTexts.size < SHARED_TEXTS_MAX) this.#sharedTexts.set(text, text);
    return text;
  }

  // ---- seats and groups ---------------------------------------------------------------------------------------------

  #joinModels(row: number): void {
    const model = this.rows.modelAt(row);
    const models = this.rows.modelsAt(row);
    if (models === undefined || models.length === 0) {
      this.#sit(row, model === undefined ? this.#modelless : this.#groupFor(model));
      return;
    }
    const all = new Set(models);
    if (model !== undefined) all.add(model);
    for (const each of all) this.#sit(row, this.#groupFor(each));
  }

  /** Lower is better; of a candidate. */
  #score(row: number): number {
    const score = this.#numbers.floats[rowFloat(row, SCORE)] as number;
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
    ints[intAt(seat, NEXT_SEAT)] = this.#numbers.ints[rowInt(row, FIRST_SEAT)] as number;
    ints[intAt(seat, HEAP_POSITION)] = NONE;
    this.#numbers.ints[rowInt(row, FIRST_SEAT)] = seat;
    group.membership = ++this.#memberships;
    this.scheduler.seatAdded(seat);
    if (this.#numbers.floats[rowFloat(row, SCORE)] === NO_CANDIDATE) return;
    group.candidates.add(seat, this.#score(row), this.#tie(seat));
    group.slotsFree += this.#numbers.ints[rowInt(row, SLOTS_FREE)] as number;
    this.#rankGroup(at);
  }

  #leaveModels(row: number): void {
    const isCandidate = this.#numbers.floats[rowFloat(row, SCORE)] !== NO_CANDIDATE;
    const slotsFree = this.#numbers.ints[rowInt(row, SLOTS_FREE)] as number;
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
    this.#numbers.ints[rowInt(row, FIRST_SEAT)] = NONE;
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
