import { ChangeFeed, type SubscribeOptions } from "./changes/change-feed.ts";
import { type WorkerChange, WorkerChanges } from "./changes/worker-changes.ts";
import { systemClock } from "./clock.ts";
import { RevisionGapError } from "./errors.ts";
import { copyLabels, hasNone, mergedLabels } from "./heartbeats/labels.ts";
import { isStale, PAST_BOOTS_MAX } from "./heartbeats/order.ts";
import { ReportDraft } from "./heartbeats/report-draft.ts";
import { timestampMs } from "./heartbeats/timestamp.ts";
import { WorkerDraft } from "./heartbeats/worker-draft.ts";
import { AgeIndex } from "./hives/age-index.ts";
import { HiveSnapshot, HiveState, reportOf, resourcesOf } from "./hives/hive-copies.ts";
import type { HeartbeatTimes, HiveRecord } from "./hives/hive-record.ts";
import { HiveTable } from "./hives/hive-table.ts";
import { seedFrom } from "./indexes/text-table.ts";
import { type BrakeOptions, type Brakes, brakesOf } from "./liveness/brakes.ts";
import { ClockWatch } from "./liveness/clock-watch.ts";
import { DueHives } from "./liveness/due-hives.ts";
import { EvictionBudget } from "./liveness/eviction-budget.ts";
import { Flaps } from "./liveness/flaps.ts";
import { Freeze } from "./liveness/freeze.ts";
import { Grace } from "./liveness/grace.ts";
import { Graves } from "./liveness/graves.ts";
import { DEFAULT_LIMITS, type LivenessLimits, nextCheckMs, silentAtMs, statusAt } from "./liveness/status.ts";
import type { ModelAliases } from "./models/model-names.ts";
import { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "./scheduler/breaker.ts";
import type {
  ExplainLook,
  Explanation,
  HeldPlace,
  Outcome,
  Policy,
  Reservation,
  ReserveRequest,
} from "./scheduler/types.ts";
import type {
  HiveEvent,
  HiveHeartbeatPayload,
  HiveLease,
  HiveReport,
  HiveRuntimeState,
  HiveStatus,
  HiveWorker,
  Labels,
  ModelSummary,
  RegistryEvent,
  RegistrySnapshot,
  RegistryStats,
  ResourceInfo,
  UpdateResult,
  WorkerInfo,
} from "./types.ts";
import { WorkerList } from "./workers/worker-list.ts";
import { WorkerTable } from "./workers/worker-table.ts";

/** Places of a worker that are listed unless said otherwise. */
const HELD_LISTED_MAX = 100;

export interface HiveRegistryOptions {
  /** Ms since epoch, never backwards. */
  readonly now?: () => number;
  /** How often a hive beats that does not say so itself. Default 5,000. */
  readonly intervalMs?: number;
  /** A hive that claims a longer interval is held to this one. Default 60,000. */
  readonly intervalMaxMs?: number;
  readonly limits?: LivenessLimits;
  /** How slowly {@link HiveRegistry.sweep} evicts. */
  readonly brakes?: BrakeOptions;
  /** How a worker is chosen when the request does not say. Default `best`. */
  readonly policy?: Policy;
  /** Other names of models: see {@link HiveRegistry.setAliases}. */
  readonly aliases?: ModelAliases;
  /** How long a worker that failed gets no new request. Default: 1 s after the first failure, 60 s at most. */
  readonly breaker?: BreakerLimits;
  /** 0 to 1, without 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Told when a listener throws; others and the registry go on. Default: the error is thrown again outside of the call. */
  readonly onListenerError?: (error: unknown) => void;
}

/** A change before it has its number. */
type Change = RegistryEvent extends infer Event
  ? Event extends RegistryEvent
    ? Omit<Event, "revision" | "at_ms">
    : never
  : never;

/**
 * Every hive and every worker of a fleet, as their heartbeats tell, in memory. Each method is one atomic step: nobody ever
 * sees half a heartbeat. It does no I/O and starts no timer; time comes in through `now`, changes go out to subscribers.
 * No query scans the fleet: indexes kept by each heartbeat make an answer cost its own size.
 *
 * Objects that it hands out are snapshots: a later heartbeat never changes them, and no caller can change the registry
 * through one. What several callers may hold is frozen; else each caller has an object of its own.
 */
export class HiveRegistry {
  readonly #clock: () => number;
  readonly #intervalMs: number;
  readonly #intervalMaxMs: number;
  readonly #limits: LivenessLimits;
  readonly #changes: ChangeFeed;
  readonly #workerChanges: WorkerChanges;
  readonly #roomListeners: Set<(worker: WorkerInfo) => void> = new Set();
  readonly #hives: HiveTable;
  /** The operator's, by hive; also of hives that are not there. */
  readonly #operatorLabels: Map<string, Labels> = new Map();
  readonly #workers: WorkerTable;
  readonly #ages: AgeIndex = new AgeIndex();
  readonly #due: DueHives<HiveRecord> = new DueHives();
  readonly #brakes: Brakes;
  readonly #budget: EvictionBudget;
  readonly #freeze: Freeze;
  readonly #grace: Grace;
  readonly #graves: Graves = new Graves();
  readonly #flaps: Flaps<HiveRecord> = new Flaps();
  readonly #clocks: ClockWatch<HiveRecord> = new ClockWatch();
  /** What the heartbeat that is being taken says. */
  readonly #draft: WorkerDraft = new WorkerDraft();
  readonly #reportDraft: ReportDraft = new ReportDraft();
  readonly #statuses: Record<HiveStatus, number> = { alive: 0, suspect: 0, silent: 0 };
  #latestMs = Number.NEGATIVE_INFINITY;
  /** Time that is let in so much later than before is a stall. */
  #stallAfterMs: number;
  /** For how long this process stood still, where nobody was told yet. */
  #stoodMs = 0;
  #revision = 0;
  #vramBytes = 0;
  #ramBytes = 0;
  /** Set once this is a replica: its clock then stands behind the original's by so much. */
  #behindMs: number | undefined = undefined;

  constructor(options: HiveRegistryOptions = {}) {
    this.#clock = options.now ?? systemClock;
    this.#intervalMs = options.intervalMs ?? 5_000;
    this.#intervalMaxMs = options.intervalMaxMs ?? 60_000;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#brakes = brakesOf(options.brakes ?? {}, this.#limits);
    this.#budget = new EvictionBudget(this.#brakes);
    this.#freeze = new Freeze(this.#brakes);
    const { graceMs, freezeMaxMs, tickMs, stallMs } = this.#brakes;
    this.#grace = new Grace({ graceMs, graceMaxMs: freezeMaxMs });
    this.#stallAfterMs = tickMs + stallMs;
    if (tickMs !== Number.POSITIVE_INFINITY) this.#grace.from(this.#now());
    const random = options.random ?? Math.random;
    const onListenerError = options.onListenerError ?? throwLater;
    this.#workerChanges = new WorkerChanges(onListenerError);
    this.#hives = new HiveTable(seedFrom(random));
    this.#workers = new WorkerTable(
      {
        hiveById: (hiveId) => this.#hives.find(hiveId),
        now: () => this.#now(),
        onFreed: (row) => {
          this.#workerChanges.tell();
          if (this.#roomListeners.size === 0) return;
          const worker = Object.freeze(this.#workers.rows.copyAt(row));
          for (const listener of [...this.#roomListeners]) listener(worker);
        },
        changes: this.#workerChanges,
      },
      {
        random,
        policy: options.policy ?? "best",
        breaker: options.breaker ?? DEFAULT_BREAKER_LIMITS,
      },
    );
    if (options.aliases !== undefined) this.setAliases(options.aliases);
    this.#changes = new ChangeFeed(onListenerError);
  }

  // ---- hives --------------------------------------------------------------------------------------------------------

  /**
   * Takes a heartbeat: the hive's workers are now exactly those listed. O(workers of this hive × log fleet).
   *
   * Without `receivedAtMs` the payload's timestamp decides liveness, clamped to now (an unparsable one is now). With it,
   * only the receiver's clock decides, and the difference is kept as `clock_skew_ms`.
   *
   * @returns `accepted: false` when it is not newer than what is known; nothing changes then.
   * @throws {TypeError} naming the field, for a payload that is not one; nothing changes then.
   */
  updateHiveState(
    hiveId: string,
    payload: HiveHeartbeatPayload,
    options?: { readonly receivedAtMs?: number },
  ): UpdateResult {
    if (typeof hiveId !== "string") throw new TypeError("hiveId must be a string");
    if (typeof payload !== "object" || payload === null) throw new TypeError("payload must be an object");
    if (payload.hive_id !== hiveId) throw new TypeError(`payload.hive_id must be the hive's own id, ${quoted(hiveId)}`);
    if (typeof payload.timestamp !== "string") throw new TypeError("payload.timestamp must be a string");

    const nowMs = this.#advance();
    const stampedMs = timeOf(payload.timestamp) ?? nowMs;
    const known = this.#hives.find(hiveId);
    if (known !== undefined) {
      const next = { bootId: payload.boot_id, seq: payload.seq, timestampMs: stampedMs };
      if (isStale(known.order, next, known.pastBoots)) return { accepted: false, reason: "stale" };
    } else if (this.#graves.isPast(hiveId, payload.boot_id)) {
      return { accepted: false, reason: "stale" };
    }

    // Everything that can throw comes before the first change.
    this.#readWorkers(payload.workers, known);
    this.#reportDraft.read(payload, known?.ownLabels);
    const receivedAtMs = Math.min(options?.receivedAtMs ?? stampedMs, nowMs);
    const skewMs = options?.receivedAtMs === undefined ? undefined : Math.round(stampedMs - receivedAtMs);
    const isSameBoot = known !== undefined && known.bootId === payload.boot_id;
    const jump =
      isSameBoot && skewMs !== undefined ? this.#clocks.look(known, known.clockSkewMs, skewMs, nowMs) : undefined;
    const wasFlapping = known?.flapping === true;
    const times = { last_heartbeat_ms: stampedMs, received_at_ms: receivedAtMs, clock_skew_ms: skewMs };
    const hive = this.#accept(hiveId, times, payload.goodbye === true, undefined, nowMs);
    if (this.#changes.wants("hive.heartbeat")) this.#publishHeartbeat(hive, nowMs);
    else this.#revision++;
    if (hive.goodbye) this.#publish(nowMs, { type: "hive.silent", hive_id: hiveId, reason: "goodbye" });
    if (jump !== undefined) this.#publish(nowMs, { type: "hive.clock", hive_id: hiveId, ...jump });
    if (hive.flapping !== wasFlapping) this.#publishFlapping(hive, nowMs);
    this.#workerChanges.tell();
    return { accepted: true, revision: this.#revision };
  }

  /**
   * Takes a lease: the hive is alive and nothing changed. O(1) while it is alive.
   *
   * @returns `unknown` when this boot of the hive never sent its list: it must send a full heartbeat.
   */
  renewLease(lease: HiveLease, options?: { readonly receivedAtMs?: number }): UpdateResult {
    const nowMs = this.#advance();
    const hive = this.#hives.find(lease.hive_id);
    if (hive === undefined || hive.bootId !== lease.boot_id || hive.goodbye) {
      const past = hive?.pastBoots?.includes(lease.boot_id) === true;
      return { accepted: false, reason: past ? "stale" : "unknown" };
    }
    if (lease.seq <= hive.seq) return { accepted: false, reason: "stale" };
    const receivedAtMs = Math.min(options?.receivedAtMs ?? nowMs, nowMs);
    const wasFlapping = hive.flapping;
    this.#renew(hive, receivedAtMs, lease.seq, nowMs);
    this.#publish(nowMs, { type: "hive.lease", hive_id: hive.hiveId, received_at_ms: receivedAtMs, seq: lease.seq });
    if (hive.flapping !== wasFlapping) this.#publishFlapping(hive, nowMs);
    return { accepted: true, revision: this.#revision };
  }

  /** The hive's connection closed: it keeps its place and gets no new work until it is heard again. */
  suspectHive(hiveId: string): boolean {
    const nowMs = this.#advance();
    const hive = this.#hives.find(hiveId);
    if (hive === undefined || hive.status !== "alive") return false;
    hive.closed = true;
    this.#settle(hive, nowMs, "closed");
    return true;
  }

  getHiveState(hiveId: string): HiveRuntimeState | undefined {
    this.#advance();
    const hive = this.#hives.find(hiveId);
    return hive === undefined ? undefined : new HiveState(hive, this.#listOf(hive));
  }

  /** Ids of the hives that are online: see {@link isHiveOnline}. In no particular order. Costs the answer, not the fleet. */
  listActiveHives(maxAgeMs: number): string[] {
    const nowMs = this.#now();
    const ids: string[] = [];
    for (const hive of this.#ages.heardAfter(nowMs - maxAgeMs, nowMs)) if (!hive.goodbye) ids.push(hive.hiveId);
    return ids;
  }

  /**
   * Gives a hive the operator's labels, all of them at once; they come over its own, key by key. `{}` takes them away. The
   * hive need not be known: they wait for it, and outlast its going.
   *
   * @throws {TypeError} for what is no table of texts.
   */
  labelHive(hiveId: string, labels: Labels): void {
    const known = this.#operatorLabels.get(hiveId);
    const copy = copyLabels(labels, known, "labels");
    if (copy === known || (known === undefined && hasNone(copy))) return;
    const nowMs = this.#advance();
    this.#label(hiveId, copy);
    this.#publish(nowMs, { type: "hive.labelled", hive_id: hiveId, labels: copy });
  }

  getAvailableResources(hiveId: string): ResourceInfo | undefined {
    const hive = this.#hives.find(hiveId);
    return hive === undefined ? undefined : resourcesOf(hive);
  }

  /** @returns false when it was not there. */
  removeHive(hiveId: string): boolean {
    const hive = this.#hives.find(hiveId);
    if (hive === undefined) return false;
    this.#forget(hive);
    this.#publish(this.#now(), { type: "hive.removed", hive_id: hiveId });
    this.#workerChanges.tell();
    return true;
  }

  /** Ids of all hives, whatever their age, in the order in which they came. */
  listAllHives(): string[] {
    return Array.from(this.#hives.values(), ({ hiveId }) => hiveId);
  }

  getWorkerCount(hiveId: string): number | undefined {
    return this.#hives.find(hiveId)?.workerCount;
  }

  /** Heard less than `maxAgeMs` ago, and not to say goodbye. False for a hive nobody knows. */
  isHiveOnline(hiveId: string, maxAgeMs: number): boolean {
    return this.#hives.isOnline(hiveId, maxAgeMs, this.#now());
  }

  hiveCount(): number {
    return this.#hives.size;
  }

  // ---- workers ------------------------------------------------------------------------------------------------------

  /** Worker ids are unique within a hive only: of several, the one whose hive was heard last. */
  getWorker(workerId: string): HiveWorker | undefined {
    const row = this.#workers.find(workerId);
    return row === -1 ? undefined : this.#workers.workerAt(row);
  }

  /** Where to send inference requests, past hive and queen. Undefined for an unknown worker and for one without a URL. */
  getWorkerUrl(workerId: string): string | undefined {
    const row = this.#workers.find(workerId);
    return row === -1 ? undefined : this.#workers.rows.urlAt(row);
  }

  listAllWorkers(): HiveWorker[] {
    return [...this.allWorkers()];
  }

  /**
   * As {@link listAllWorkers}, one by one: whoever stops early pays for those that were given. Do not let a heartbeat in
   * between: its changes may be seen or not.
   */
  allWorkers(): Generator<HiveWorker> {
    return this.#workersAt(this.#workers.all());
  }

  /** All workers in state `Idle`, also on hives that are not alive. */
  findIdleWorkers(): HiveWorker[] {
    return [...this.idleWorkers()];
  }

  /** As {@link findIdleWorkers}, one by one: see {@link allWorkers}. */
  idleWorkers(): Generator<HiveWorker> {
    return this.#workersAt(this.#workers.idle());
  }

  /** All workers that have the model: as `model_id`, or among `models`. */
  findWorkersByModel(modelId: string): HiveWorker[] {
    return [...this.workersByModel(modelId)];
  }

  /** As {@link findWorkersByModel}, one by one: see {@link allWorkers}. */
  workersByModel(modelId: string): Generator<HiveWorker> {
    return this.#workersAt(this.#workers.withModel(modelId));
  }

  findWorkersByBackend(backend: string): HiveWorker[] {
    return [...this.workersByBackend(backend)];
  }

  /** As {@link findWorkersByBackend}, one by one: see {@link allWorkers}. */
  workersByBackend(backend: string): Generator<HiveWorker> {
    return this.#workersAt(this.#workers.withBackend(backend));
  }

  /** Whether a worker that has one of these models passes. Looks at no more of them than it must. */
  hasWorkerByModel(modelIds: readonly string[], passes: (worker: HiveWorker) => boolean): boolean {
    for (const modelId of modelIds) {
      for (const worker of this.workersByModel(modelId)) if (passes(worker)) return true;
    }
    return false;
  }

  /**
   * Picks the idle worker that has `modelId` and the lowest GPU usage; else any idle worker with the lowest GPU usage.
   * A worker that does not report `gpu_percent` counts as 100. Only workers with a URL, on hives that are alive; degraded
   * ones after all healthy ones, draining ones never. Among equals the one with the fewest reservations, then the one chosen
   * least recently.
   * O(log n) in the number of idle workers. Rule: seed, "Find Best Worker for Model".
   *
   * @returns `undefined` when no alive hive has an idle worker. A caller may retry after one heartbeat interval.
   */
  findBestWorkerForModel(modelId: string): HiveWorker | undefined {
    this.#advance();
    const row = this.#workers.choose(modelId);
    return row === -1 ? undefined : this.#workers.workerAt(row);
  }

  totalWorkerCount(): number {
    return this.#workers.size;
  }

  /** Empty for a hive nobody knows. */
  getWorkersOnHive(hiveId: string): WorkerInfo[] {
    const hive = this.#hives.find(hiveId);
    return hive === undefined ? [] : [...this.#listOf(hive).workers];
  }

  // ---- reservations -------------------------------------------------------------------------------------------------

  /**
   * Chooses a worker that has the model and room, and holds a place at it, in one step. A worker's room is its slots less
   * what it reports and what is reserved and cannot be in that report yet; so between two heartbeats requests spread as if
   * each were reported at once. Never a worker on a hive that is not alive, a loading or draining one, or one without a URL.
   *
   * The reservation ends by `release()` (or {@link release}), by its time, or with its worker; ending it twice is harmless.
   *
   * @returns `undefined` when no worker of the model has room.
   */
  reserve(request: ReserveRequest): Reservation | undefined {
    return this.#workers.scheduler.reserve(request, this.#advance());
  }

  /**
   * Gives a reserved place back, and tells how it went. After an `error` the worker is set aside: no new request for a
   * second, then one that tries it, and after each further failure twice as long, a minute at most. When every worker that
   * could take a request is set aside, the one whose pause ends first is tried a second after its failure.
   *
   * @returns false when it was given back already, or its time is over.
   */
  release(reservationId: string, outcome: Outcome = "ok"): boolean {
    return this.#workers.scheduler.release(reservationId, outcome, this.#now());
  }

  /**
   * Calls the listener whenever a reserved place was given back, by release or by time, and whenever a worker that was set
   * aside may be tried again: a request that waits may have it. Reports of workers that are free come as changes, see
   * {@link subscribe}.
   *
   * @returns the function that ends it.
   */
  onRoom(listener: (worker: WorkerInfo) => void): () => void {
    this.#roomListeners.add(listener);
    return () => this.#roomListeners.delete(listener);
  }

  /**
   * The models that workers have now and that `name` means: the one of exactly this name; else those of its alias; else all
   * of the same normal form (see `normalModelName`). Empty when there is none.
   */
  resolveModels(name: string): readonly string[] {
    return this.#workers.resolveModel(name).map((group) => this.#workers.modelOf(group));
  }

  /** Names of models that somebody may have meant by one that means none, nearest first. */
  nearModels(name: string, max: number = 5): string[] {
    return this.#workers.models.near(name, max);
  }

  /**
   * Other names by which models may be asked for: `{ "gpt-4o": "llama-3-70b", fast: ["llama-3-8b", "qwen-7b"] }`. Of several
   * targets the policy chooses. Replaces those set before. They are this registry's own: replicas set theirs.
   */
  setAliases(aliases: ModelAliases): void {
    this.#workers.models.setAliases(aliases);
  }

  /** Who would be chosen now, and why not the others. Reserves nothing and changes nothing. */
  explain(request: ReserveRequest, look?: ExplainLook): Explanation {
    return this.#workers.scheduler.explain(request, this.#advance(), look);
  }

  /** The places that are held at a worker now, oldest first, and how many those are that are not listed. */
  heldPlaces(
    hiveId: string,
    workerId: string,
    max: number = HELD_LISTED_MAX,
  ): { readonly held: readonly HeldPlace[]; readonly left_out: number } {
    this.#advance();
    const { rows, scheduler } = this.#workers;
    const row = this.#hives.find(hiveId)?.rows.find((one) => rows.idAt(one) === workerId);
    if (row === undefined) return { held: [], left_out: 0 };
    const held = scheduler.heldAt(row, max);
    return { held, left_out: scheduler.room.reservedAt(row) - held.length };
  }

  /** Places that are reserved now. */
  reservationCount(): number {
    this.#advance();
    return this.#workers.scheduler.active;
  }

  // ---- time, changes, replicas --------------------------------------------------------------------------------------

  /**
   * Lets time take effect: publishes who became suspect or silent since the last call. Queries do so by themselves; a
   * server calls it regularly so that watchers hear of it without a query.
   */
  tick(): void {
    this.#advance();
  }

  /**
   * When {@link tick} may next make room, ms since epoch: a reservation's time is over, or a worker that failed may be tried
   * again. `Infinity` when nobody waits for that.
   */
  nextRoomMs(): number {
    return this.#workers.scheduler.nextDueMs;
  }

  /**
   * Evicts the hives that are silent and were not heard for `evictAfterMs`, longest silent first, with the brakes on: never
   * more than `evictShare` of them a window, and nobody while evictions are frozen or there is grace. To be called regularly.
   * Costs what it evicts.
   */
  sweep(): HiveEvent[] {
    const nowMs = this.#advance();
    const events: HiveEvent[] = [];
    const { evictAfterMs } = this.#brakes;
    if (evictAfterMs === 0 || this.#behindMs !== undefined) return events;
    if (this.#freeze.untilMs !== undefined || this.#grace.holds(nowMs)) return events;
    for (;;) {
      const hive = this.#due.longestSilent(nowMs - evictAfterMs);
      if (hive === undefined || !this.#budget.take(nowMs, this.#hives.size)) return events;
      events.push(this.#evict(hive, nowMs));
    }
  }

  /** Removes every hive that was not heard for `ttlMs` or longer, oldest first, at most `max` of them. Without brakes. */
  evictSilent(ttlMs: number, max: number = Number.POSITIVE_INFINITY): HiveEvent[] {
    const nowMs = this.#advance();
    const events: HiveEvent[] = [];
    for (const hive of this.#ages.oldestFirst(nowMs - ttlMs)) {
      if (events.length >= max) break;
      events.push(this.#evict(hive, nowMs));
    }
    return events;
  }

  /** Removes every hive that is silent now, longest silent first. Without brakes: for an operator who knows that they are gone. */
  evictAllSilent(): HiveEvent[] {
    const nowMs = this.#advance();
    const events: HiveEvent[] = [];
    if (this.#behindMs !== undefined) return events;
    for (;;) {
      const hive = this.#due.longestSilent(nowMs);
      if (hive === undefined) return events;
      events.push(this.#evict(hive, nowMs));
    }
  }

  /** Ends a freeze by an operator's word. @returns false when there is none. */
  thaw(): boolean {
    const nowMs = this.#advance();
    if (this.#behindMs !== undefined) return false;
    const change = this.#freeze.thaw(nowMs);
    if (change !== undefined) this.#publish(nowMs, change);
    return change !== undefined;
  }

  /** This registry was out of reach until then: nobody counts as quiet for one full window from there. */
  graceFrom(fromMs: number): void {
    this.#advance();
    this.#grace.from(fromMs);
  }

  /**
   * Calls the listener with each change, in order, after it took effect. A listener may change the registry: what that
   * brings about is delivered after the present event has reached everybody. Whoever can do without heartbeats and leases
   * says so: while nobody wants them, none is made.
   *
   * @returns the function that ends it.
   */
  subscribe(listener: (event: RegistryEvent) => void, options: SubscribeOptions = {}): () => void {
    return this.#changes.subscribe(listener, options);
  }

  /**
   * Calls the listener with what happens to workers beside their numbers: added, removed, another state, failed, recovered. It
   * is told after the step that brought it about. Costs nothing while nobody listens. A snapshot that is applied tells nothing.
   *
   * @returns the function that ends it.
   */
  onWorkerChange(listener: (change: WorkerChange) => void): () => void {
    return this.#workerChanges.subscribe(listener);
  }

  get revision(): number {
    return this.#revision;
  }

  /** All there is, with the revision it stands at: what a replica starts from. */
  snapshot(): RegistrySnapshot {
    const at_ms = this.#advance();
    const hives = Array.from(this.#hives.values(), (hive) => this.#snapshotOf(hive));
    const frozen_until_ms = this.#freeze.untilMs;
    const snapshot: RegistrySnapshot = {
      ...{ type: "snapshot", revision: this.#revision, at_ms, hives },
      ...(frozen_until_ms === undefined ? undefined : { frozen_until_ms }),
    };
    if (this.#operatorLabels.size === 0) return snapshot;
    return { ...snapshot, labels: Array.from(this.#operatorLabels, ([hive_id, labels]) => ({ hive_id, labels })) };
  }

  /** One hive, as a snapshot has it. Undefined when nobody knows it. */
  hiveSnapshot(hiveId: string): RegistrySnapshot["hives"][number] | undefined {
    this.#advance();
    const hive = this.#hives.find(hiveId);
    return hive === undefined ? undefined : this.#snapshotOf(hive);
  }

  /**
   * Follows another registry: takes its snapshot, then each of its changes in order. A change that is already contained is
   * passed over. From the first call on, who is alive is the original's word alone; ages are counted by its clock.
   *
   * @throws {RevisionGapError} when a change is missing in between; start again from a snapshot.
   */
  apply(change: RegistryEvent | RegistrySnapshot): void {
    if (change.type === "snapshot") {
      this.#restore(change);
      return;
    }
    if (change.revision <= this.#revision) return;
    const follows = change.follows ?? change.revision - 1;
    if (follows > this.#revision) throw new RevisionGapError(this.#revision + 1, change.revision);
    this.#stallAfterMs = Number.POSITIVE_INFINITY;
    this.#behindMs ??= change.at_ms - this.#clock();
    const nowMs = this.#advance();
    this.#applyChange(change, nowMs);
    this.#revision = change.revision;
    this.#changes.deliver(change);
    this.#workerChanges.tell();
  }

  /** The models of the fleet and who serves them. Costs the number of models. */
  models(): ModelSummary[] {
    this.#advance();
    return [...this.#workers.modelSummaries()];
  }

  stats(): RegistryStats {
    const nowMs = this.#advance();
    const { alive, suspect, silent } = this.#statuses;
    const { Idle: idle, Busy: busy, Loading: loading } = this.#workers.states;
    return {
      revision: this.#revision,
      hives: { total: this.#hives.size, alive, suspect, silent },
      workers: {
        total: this.#workers.size,
        idle,
        busy,
        loading,
        set_aside: this.#workers.scheduler.breaker.size,
        by_backend: this.#workers.countsByBackend(),
        by_model: this.#workers.countsByModel(),
      },
      vram_used_gb: this.#vramBytes / 1e9,
      ram_used_gb: this.#ramBytes / 1e9,
      liveness: this.#livenessAt(nowMs),
    };
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  *#workersAt(rows: Iterable<number>): Generator<HiveWorker> {
    for (const row of rows) yield this.#workers.workerAt(row);
  }

  #now(): number {
    const nowMs = this.#clock() + (this.#behindMs ?? 0);
    if (nowMs > this.#latestMs) {
      if (nowMs - this.#latestMs > this.#stallAfterMs) this.#stood(this.#latestMs, nowMs);
      this.#latestMs = nowMs;
    }
    return this.#latestMs;
  }

  /** Now; whoever fell quiet until now is marked so. */
  #advance(): number {
    const nowMs = this.#now();
    this.#workers.scheduler.expire(nowMs);
    if (this.#behindMs !== undefined) return nowMs;
    if (this.#stoodMs > 0) this.#publishStall(nowMs);
    if (!this.#grace.holds(nowMs)) {
      for (let hive = this.#due.toDoubt(nowMs); hive !== undefined; hive = this.#due.toDoubt(nowMs)) {
        this.#settle(hive, nowMs, "quiet");
      }
    }
    const { alive, suspect } = this.#statuses;
    const change = this.#freeze.judge(nowMs, alive + suspect);
    if (change !== undefined) this.#publish(nowMs, change);
    return nowMs;
  }

  /** Time was let in so late that this process must have stood still; told when the step allows it. */
  #stood(fromMs: number, toMs: number): void {
    if (fromMs === Number.NEGATIVE_INFINITY) return;
    this.#grace.stood(fromMs, toMs);
    this.#stoodMs += toMs - fromMs;
  }

  #publishStall(nowMs: number): void {
    const stall_ms = this.#stoodMs;
    this.#stoodMs = 0;
    this.#publish(nowMs, { type: "fleet.stalled", stall_ms, grace_until_ms: this.#grace.untilMs });
  }

  #livenessAt(nowMs: number): RegistryStats["liveness"] {
    const frozenMs = this.#freeze.untilMs;
    const { evictAfterMs } = this.#brakes;
    return {
      ...(frozenMs === undefined ? undefined : { frozen_until_ms: frozenMs }),
      ...(this.#grace.holds(nowMs) ? { grace_until_ms: this.#grace.untilMs } : undefined),
      held_back: evictAfterMs === 0 ? 0 : this.#due.countSilent(nowMs - evictAfterMs),
    };
  }

  /** Into the draft. `known`: the hive as it was, whose ids are unique. */
  #readWorkers(workers: readonly WorkerInfo[], known: HiveRecord | undefined): void {
    this.#draft.read(workers, "payload.workers");
    if (known === undefined || !this.#workers.hasSameIds(known, this.#draft)) {
      this.#draft.demandUniqueIds("payload.workers");
    }
  }

  /** What the drafts say is so from now on. */
  #accept(
    hiveId: string,
    times: HeartbeatTimes,
    goodbye: boolean,
    told: { readonly status: HiveStatus; readonly flapping: boolean } | undefined,
    nowMs: number,
  ): HiveRecord {
    const report = this.#reportDraft;
    let hive = this.#hives.find(hiveId);
    if (hive === undefined) {
      hive = this.#hives.add(hiveId);
      hive.pastBoots = this.#graves.rise(hiveId, report.boot_id);
      this.#statuses[hive.status]++;
    } else if (hive.bootId !== undefined && hive.bootId !== report.boot_id) {
      hive.pastBoots = [...(hive.pastBoots ?? []), hive.bootId].slice(-PAST_BOOTS_MAX);
      this.#workers.restarted(hive);
      this.#clocks.forget(hive);
    }
    hive.part();
    hive.write(report, times, this.#intervalOf(report.interval_ms));
    hive.labels = mergedLabels(report.labels, this.#operatorLabels.get(hiveId));
    hive.closed = false;
    hive.goodbye = goodbye;
    this.#hives.heard(hive);
    this.#ages.place(hive);
    this.#setStatus(hive, told?.status ?? statusAt(nowMs, hive, this.#limits));
    if (told === undefined) {
      this.#isHeard(hive, nowMs);
      this.#watch(hive, false);
    } else {
      hive.flapping = told.flapping;
      this.#follow(hive);
    }
    this.#workers.setWorkers(hive, this.#draft, hive.status === "alive");
    this.#sumUp(hive);
    return hive;
  }

  /** @param toldMs NaN: it does not say. */
  #intervalOf(toldMs: number): number {
    return Math.min(Number.isNaN(toldMs) ? this.#intervalMs : toldMs, this.#intervalMaxMs);
  }

  #listOf(hive: HiveRecord): WorkerList {
    hive.list ??= new WorkerList(this.#workers.rows, hive.rows);
    return hive.list;
  }

  #snapshotOf(hive: HiveRecord): HiveSnapshot {
    return new HiveSnapshot(hive, this.#listOf(hive));
  }

  #silentAtMs(report: HiveReport): number {
    const heard = {
      receivedAtMs: report.received_at_ms,
      intervalMs: this.#intervalOf(report.interval_ms ?? Number.NaN),
      closed: false,
      goodbye: false,
    };
    return silentAtMs(heard, this.#limits);
  }

  #renew(hive: HiveRecord, receivedAtMs: number, seq: number, nowMs: number): void {
    hive.renew(receivedAtMs, seq);
    hive.closed = false;
    this.#hives.heard(hive);
    this.#ages.place(hive);
    this.#workers.heard(hive);
    const isReplica = this.#behindMs !== undefined;
    const { status: statusBefore, flapping: wasFlapping } = hive;
    this.#setStatus(hive, isReplica ? "alive" : statusAt(nowMs, hive, this.#limits));
    if (!isReplica) {
      this.#isHeard(hive, nowMs);
      this.#watch(hive, false);
    } else {
      this.#follow(hive);
    }
    if (hive.status !== statusBefore || hive.flapping !== wasFlapping) {
      this.#workers.refresh(hive, hive.status === "alive");
    }
  }

  /** Its status is as it should be now: when to look again. */
  #watch(hive: HiveRecord, exactly: boolean): void {
    if (hive.status === "silent") this.#due.isSilent(hive);
    else this.#due.watch(hive, nextCheckMs(hive.status, hive, this.#limits), exactly);
  }

  /** In a replica, where nobody ages by himself. */
  #follow(hive: HiveRecord): void {
    if (hive.status === "silent") this.#due.isSilent(hive);
    else this.#due.remove(hive);
  }

  /** It came back, where it had fallen silent. */
  #isHeard(hive: HiveRecord, nowMs: number): void {
    const fellAtMs = hive.fellSilentAtMs;
    if (!Number.isNaN(fellAtMs)) {
      hive.fellSilentAtMs = Number.NaN;
      this.#freeze.isBack(fellAtMs, nowMs);
      if (hive.status === "alive") this.#flaps.isBack(hive, fellAtMs, nowMs);
      else return;
    } else if (!hive.flapping) return;
    hive.flapping = this.#flaps.isFlapping(hive, nowMs);
  }

  /** Gives the hive the status that it has by now, and tells when it is a worse one. */
  #settle(hive: HiveRecord, nowMs: number, why: "closed" | "quiet"): void {
    const before = hive.status;
    const now = statusAt(nowMs, hive, this.#limits);
    const status = now === "silent" && this.#grace.holds(nowMs) ? "suspect" : now;
    this.#setStatus(hive, status);
    this.#watch(hive, true);
    if (status === before) return;
    this.#workers.refresh(hive, status === "alive");
    if (status === "suspect") this.#publish(nowMs, { type: "hive.suspect", hive_id: hive.hiveId, reason: why });
    if (status !== "silent") return;
    hive.fellSilentAtMs = nowMs;
    this.#freeze.fell(nowMs);
    this.#publish(nowMs, { type: "hive.silent", hive_id: hive.hiveId, reason: "quiet" });
  }

  #setStatus(hive: HiveRecord, status: HiveStatus): void {
    if (status === hive.status) return;
    this.#statuses[hive.status]--;
    this.#statuses[status]++;
    hive.status = status;
  }

  #label(hiveId: string, labels: Labels): void {
    if (hasNone(labels)) this.#operatorLabels.delete(hiveId);
    else this.#operatorLabels.set(hiveId, labels);
    const hive = this.#hives.find(hiveId);
    if (hive === undefined) return;
    hive.labels = mergedLabels(hive.ownLabels, this.#operatorLabels.get(hiveId));
    this.#workers.refresh(hive, hive.status === "alive");
  }

  #sumUp(hive: HiveRecord): void {
    let vramBytes = 0;
    let ramBytes = 0;
    const { rows } = this.#workers;
    for (const row of hive.rows) {
      const [vram, ram] = [rows.vramBytesAt(row), rows.ramBytesAt(row)];
      if (!Number.isNaN(vram)) vramBytes += vram;
      if (!Number.isNaN(ram)) ramBytes += ram;
    }
    this.#vramBytes += vramBytes - hive.vramBytes;
    this.#ramBytes += ramBytes - hive.ramBytes;
    hive.vramBytes = vramBytes;
    hive.ramBytes = ramBytes;
    hive.workerCount = hive.rows.length;
  }

  #evict(hive: HiveRecord, nowMs: number): HiveEvent {
    this.#forget(hive);
    this.#graves.bury(hive);
    const event: HiveEvent = {
      type: "hive.evicted",
      revision: ++this.#revision,
      at_ms: nowMs,
      hive_id: hive.hiveId,
      silent_ms: nowMs - hive.receivedAtMs,
    };
    this.#changes.deliver(event);
    this.#workerChanges.tell();
    return event;
  }

  #forget(hive: HiveRecord): void {
    const fellAtMs = hive.fellSilentAtMs;
    if (!Number.isNaN(fellAtMs)) this.#freeze.isBack(fellAtMs, this.#latestMs);
    this.#flaps.forget(hive);
    this.#clocks.forget(hive);
    hive.part();
    this.#workers.removeWorkers(hive);
    this.#sumUp(hive);
    this.#ages.remove(hive);
    this.#due.remove(hive);
    this.#statuses[hive.status]--;
    this.#hives.remove(hive);
  }

  #restore(snapshot: RegistrySnapshot): void {
    for (const hive of [...this.#hives.values()]) this.#forget(hive);
    this.#operatorLabels.clear();
    for (const { hive_id, labels } of snapshot.labels ?? []) {
      this.#operatorLabels.set(hive_id, copyLabels(labels, undefined, "labels"));
    }
    this.#stallAfterMs = Number.POSITIVE_INFINITY;
    this.#behindMs = snapshot.at_ms - this.#clock();
    this.#latestMs = snapshot.at_ms;
    this.#freeze.follow(snapshot.frozen_until_ms);
    this.#revision = snapshot.revision;
    for (const { report, workers, status } of snapshot.hives) {
      this.#readWorkers(workers, undefined);
      this.#reportDraft.read(report, undefined);
      // Silent before its time was over: it said goodbye.
      const goodbye = status === "silent" && snapshot.at_ms < this.#silentAtMs(report);
      this.#accept(report.hive_id, report, goodbye, { status, flapping: report.flapping === true }, snapshot.at_ms);
    }
    this.#workerChanges.drop();
  }

  #applyChange(change: RegistryEvent, nowMs: number): void {
    if (change.type === "fleet.frozen" || change.type === "fleet.thawed" || change.type === "fleet.stalled") {
      if (change.type !== "fleet.stalled")
        this.#freeze.follow(change.type === "fleet.frozen" ? change.until_ms : undefined);
      return;
    }
    const hive = this.#hives.find(change.hive_id);
    switch (change.type) {
      case "hive.heartbeat": {
        this.#readWorkers(change.workers, hive);
        this.#reportDraft.read(change.report, hive?.ownLabels);
        const told = { status: change.status, flapping: change.report.flapping === true };
        this.#accept(change.hive_id, change.report, false, told, nowMs);
        return;
      }
      case "hive.lease":
        if (hive !== undefined) this.#renew(hive, change.received_at_ms, change.seq, nowMs);
        return;
      case "hive.suspect":
      case "hive.silent": {
        if (hive === undefined) return;
        this.#setStatus(hive, change.type === "hive.suspect" ? "suspect" : "silent");
        hive.goodbye = change.type === "hive.silent" && change.reason === "goodbye";
        this.#hives.heard(hive);
        this.#follow(hive);
        this.#workers.refresh(hive, false);
        return;
      }
      case "hive.flapping":
        if (hive === undefined) return;
        hive.flapping = change.flapping;
        this.#workers.refresh(hive, hive.status === "alive");
        return;
      case "hive.clock":
        return;
      case "hive.labelled":
        this.#label(change.hive_id, copyLabels(change.labels, undefined, "labels"));
        return;
      case "hive.removed":
      case "hive.evicted":
        if (hive !== undefined) this.#forget(hive);
    }
  }

  #publishHeartbeat(hive: HiveRecord, nowMs: number): void {
    const { workers } = this.#listOf(hive);
    const { hiveId: hive_id, status } = hive;
    this.#publish(nowMs, { type: "hive.heartbeat", hive_id, report: reportOf(hive), workers, status });
  }

  #publishFlapping({ hiveId: hive_id, flapping }: HiveRecord, nowMs: number): void {
    this.#publish(nowMs, { type: "hive.flapping", hive_id, flapping });
  }

  #publish(nowMs: number, change: Change): void {
    this.#revision++;
    if (this.#changes.wants(change.type))
      this.#changes.deliver({ revision: this.#revision, at_ms: nowMs, ...change } as RegistryEvent);
  }
}

/** Ms since epoch; undefined for a text that is no time. */
function timeOf(text: string): number | undefined {
  const quick = timestampMs(text);
  const ms = Number.isNaN(quick) ? Date.parse(text) : quick;
  return Number.isNaN(ms) ? undefined : ms;
}

const quoted = (id: string): string => JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id);

/** An unhandled rejection: loud, and outside of the call that found it. */
const throwLater = (error: unknown): void => void Promise.reject(error);
