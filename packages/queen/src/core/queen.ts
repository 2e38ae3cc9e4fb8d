import {
  type CatalogPut,
  type CatalogRecord,
  type ChoiceList,
  type ChoicesQuery,
  EVICTED_LISTED_MAX,
  type EvictReply,
  explainedRequest,
  type HeartbeatReply,
  type HeldPlaces,
  type HeldPlacesQuery,
  type HiveDetail,
  HiveError,
  type HiveList,
  type HivesQuery,
  type ReservationReply,
  type ReserveBody,
  type RouteQuery,
  type RouteReply,
  type StatsReply,
  type ThawReply,
  type WorkerList,
  type WorkersQuery,
} from "@hive-registry/contract";
import {
  type BrakeOptions,
  DEFAULT_LIMITS,
  DEFAULT_PACE,
  type Explanation,
  type HeartbeatPace,
  type HiveHeartbeatPayload,
  type HiveLease,
  HiveRegistry,
  type HiveRuntimeState,
  type HiveWorker,
  heartbeatIntervalMs,
  type ModelAliases,
  type ModelSummary,
  type Outcome,
  type Policy,
  type RegistrySnapshot,
  type ResourceInfo,
  type UpdateResult,
  type WorkerInfo,
} from "hive-registry";
import { type Catalog, type DeviceWriter, type HeartbeatWriter, startDeviceWriter } from "../catalog/index.ts";
import { EventFeed } from "../events/event-feed.ts";
import { EventLog } from "../events/event-log.ts";
import { type HiveCalls, noHiveCalls } from "../placement/hive-calls.ts";
import { Libraries } from "../placement/libraries.ts";
import { DEFAULT_ON_DEMAND_LIMITS, OnDemand, type OnDemandLimits } from "../placement/on-demand.ts";
import { Placements } from "../placement/placements.ts";
import { FleetTelemetry } from "../telemetry/fleet-telemetry.ts";
import { ChangeLog } from "./change-log.ts";
import type { Clock } from "./clock.ts";
import { JoinTokens } from "./join-tokens.ts";
import { logLiveness } from "./liveness-log.ts";
import { pageOf } from "./page.ts";
import { Rate } from "./rate.ts";
import { type LineLimits, WaitingLine } from "./waiting-line.ts";

/** How long a hive may be silent and still count as online, unless a question says otherwise. Rule: seed. */
export const ONLINE_MAX_AGE_MS = 30_000;

export interface QueenOptions {
  readonly pace?: HeartbeatPace;
  readonly line?: LineLimits;
  /** Other names of models. */
  readonly aliases?: ModelAliases;
  /** How a worker is chosen where the request does not say. */
  readonly policy?: Policy;
  /** Whether and how models are started for requests. */
  readonly onDemand?: OnDemandLimits;
  /** Changes that are kept for watchers to catch up with. */
  readonly changesMax?: number;
  /** Hives silent for longer are forgotten; 0 keeps them. */
  readonly evictAfterMs?: number;
  /** How slowly they are forgotten; what is left out is as the registry has it. */
  readonly brakes?: Pick<BrakeOptions, "evictShare" | "freezeMaxMs" | "graceMs">;
  /** A hive that was not heard for so long is offline. */
  readonly silentAfterMs?: number;
  /** How often time is let take effect without a heartbeat, ms. */
  readonly sweepMs?: number;
  /** After the start, hives of the catalog that were not heard in this time count as offline, and the queen as ready. */
  readonly graceMs?: number;
}

/** What a lease says: alive, and nothing changed. */
export interface HeardLease {
  readonly received_at_ms: number;
  readonly seq: number;
}

/** `lease` is absent when it was a whole heartbeat. */
export type HeardListener = (hiveId: string, lease?: HeardLease) => void;

/** Heartbeats and leases since the start. */
export interface HeartbeatTotals {
  readonly accepted: number;
  readonly refused: number;
}

const CHANGES_MAX = 16_384;
/** A request that waits for a worker that failed is not kept much longer than that worker's pause. */
const SWEEP_MS = 250;

/**
 * What the queen does, without the network: takes heartbeats, answers questions, keeps registry and catalog together.
 * Each method is one synchronous step.
 */
export class Queen {
  readonly registry: HiveRegistry;
  readonly changes: ChangeLog;
  /** What happened, for people. */
  readonly events: EventLog;
  readonly telemetry: FleetTelemetry;
  readonly eventFeed: EventFeed;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly joinTokens: JoinTokens;
  readonly #writer: HeartbeatWriter;
  readonly #devices: DeviceWriter;
  readonly #pace: HeartbeatPace;
  readonly #startedAtMs: number;
  readonly #graceMs: number;
  readonly #heartbeats: Rate;
  readonly #heartbeatTotals: { accepted: number; refused: number } = { accepted: 0, refused: 0 };
  /** Hives of the catalog that were not heard since the start. */
  readonly #awaited: Set<string>;
  readonly line: WaitingLine;
  readonly #libraries: Libraries;
  readonly placements: Placements;
  readonly onDemand: OnDemand;
  readonly #requests: { completed_total: number; failed_total: number } = { completed_total: 0, failed_total: 0 };
  readonly #hearers: Set<HeardListener> = new Set();
  readonly #stops: (() => void)[] = [];

  constructor(
    deps: {
      readonly clock: Clock;
      readonly catalog: Catalog;
      readonly writer: HeartbeatWriter;
      readonly hiveCalls?: HiveCalls;
      readonly log?: QueenLog;
    },
    options: QueenOptions = {},
  ) {
    this.clock = deps.clock;
    this.catalog = deps.catalog;
    this.joinTokens = new JoinTokens({ catalog: deps.catalog, nowMs: deps.clock.nowMs });
    this.#writer = deps.writer;
    const { every, nowMs } = deps.clock;
    this.#devices = startDeviceWriter({ catalog: deps.catalog, every, nowMs, log: deps.log ?? SILENT });
    this.#pace = options.pace ?? DEFAULT_PACE;
    this.#graceMs = options.graceMs ?? ONLINE_MAX_AGE_MS;
    this.#startedAtMs = deps.clock.nowMs();
    this.#heartbeats = new Rate(this.#startedAtMs);
    const { aliases = {}, policy = "best" } = options;
    const { intervalMs } = this.#pace;
    const { evictAfterMs, sweepMs = SWEEP_MS, silentAfterMs = ONLINE_MAX_AGE_MS } = options;
    this.registry = new HiveRegistry({
      ...{ now: deps.clock.nowMs, intervalMs, aliases, policy },
      limits: { ...DEFAULT_LIMITS, silentAfterMs },
      brakes: { ...options.brakes, ...(evictAfterMs === undefined ? {} : { evictAfterMs }), tickMs: sweepMs },
    });
    const cataloged = deps.catalog.list();
    this.#awaited = new Set(cataloged.map(({ id }) => id));
    for (const { id, labels } of cataloged) this.registry.labelHive(id, labels ?? {});
    this.changes = new ChangeLog(this.registry, options.changesMax ?? CHANGES_MAX);
    this.events = new EventLog({ clock: this.clock });
    this.telemetry = new FleetTelemetry({ registry: this.registry, clock: this.clock });
    this.eventFeed = new EventFeed({ registry: this.registry, events: this.events, nowMs });
    this.eventFeed.started(cataloged.length);
    this.registry.subscribe(
      (event) => {
        if (event.type === "hive.silent" || event.type === "hive.evicted" || event.type === "hive.removed") {
          this.#writer.noteStatus(event.hive_id, "offline");
        }
      },
      { heartbeats: false },
    );
    this.registry.subscribe((event) => logLiveness(deps.log ?? SILENT, event), { heartbeats: false });
    this.line = new WaitingLine({ registry: this.registry, clock: this.clock }, options.line, aliases);
    const { registry, line } = this;
    const { clock, hiveCalls: calls = noHiveCalls, log = SILENT } = deps;
    const onReached = (hiveId: string, url: string) => {
      void this.onDemand.adopt(hiveId, url);
      this.onDemand.reconsider();
    };
    this.#libraries = new Libraries({ registry, clock, calls, log, onReached }, aliases);
    const libraries = this.#libraries;
    this.placements = new Placements({ registry, clock, calls, libraries, log });
    this.onDemand = new OnDemand(
      { registry, clock, line, libraries, placements: this.placements, calls, log },
      options.onDemand ?? DEFAULT_ON_DEMAND_LIMITS,
    );
    this.#stops.push(
      () => this.telemetry.stop(),
      () => this.eventFeed.stop(),
      () => this.events.stop(),
      () => libraries.stop(),
      () => this.placements.end(),
      () => this.onDemand.stop(),
    );
    this.#stops.push(
      this.clock.every(sweepMs, () => {
        this.registry.tick();
        this.registry.sweep();
      }),
      this.clock.after(this.#graceMs, () => this.#giveUpAwaited()),
    );
  }

  // ---- heartbeats ---------------------------------------------------------------------------------------------------

  receiveHeartbeat(payload: HiveHeartbeatPayload): HeartbeatReply {
    const receivedAtMs = this.clock.nowMs();
    const result = this.registry.updateHiveState(payload.hive_id, payload, { receivedAtMs });
    if (result.accepted && payload.goodbye !== true) {
      this.#heard(payload.hive_id, receivedAtMs);
      for (const listener of this.#hearers) listener(payload.hive_id);
      this.#libraries.heard(payload);
      this.eventFeed.heartbeat(payload);
      const skewMs = this.telemetry.heartbeat(payload, receivedAtMs);
      if (!Number.isNaN(skewMs)) this.eventFeed.clock(payload.hive_id, skewMs);
      if (payload.devices !== undefined) this.#devices.noteDevices(payload.hive_id, payload.devices);
    }
    if (!result.accepted) this.telemetry.late(payload, receivedAtMs);
    return this.#replyTo(result, receivedAtMs);
  }

  receiveLease(lease: HiveLease): HeartbeatReply {
    const receivedAtMs = this.clock.nowMs();
    const result = this.registry.renewLease(lease, { receivedAtMs });
    if (result.accepted) {
      this.#heard(lease.hive_id, receivedAtMs);
      for (const listener of this.#hearers) listener(lease.hive_id, { received_at_ms: receivedAtMs, seq: lease.seq });
      this.eventFeed.lease(lease.hive_id);
      this.telemetry.lease(lease, receivedAtMs);
    } else this.telemetry.late(lease, receivedAtMs);
    return this.#replyTo(result, receivedAtMs);
  }

  /**
   * Calls the listener for each heartbeat and lease that was taken; no change is made for it, as a subscriber of the registry
   * would ask for. Returns the end of it.
   */
  onHeard(listener: HeardListener): () => void {
    this.#hearers.add(listener);
    return () => this.#hearers.delete(listener);
  }

  /** How many listen to heartbeats. */
  get hearers(): number {
    return this.#hearers.size;
  }

  /** The connection that a hive's heartbeats came on is closed. */
  hiveDisconnected(hiveId: string): void {
    this.registry.suspectHive(hiveId);
  }

  get heartbeatTotals(): HeartbeatTotals {
    return { ...this.#heartbeatTotals };
  }

  nextHeartbeatMs(): number {
    return heartbeatIntervalMs(this.registry.hiveCount(), this.#pace);
  }

  #heard(hiveId: string, receivedAtMs: number): void {
    this.#awaited.delete(hiveId);
    this.#writer.noteHeartbeat(hiveId, receivedAtMs);
  }

  #replyTo(result: UpdateResult, nowMs: number): HeartbeatReply {
    this.#heartbeats.add(nowMs);
    if (result.accepted) this.#heartbeatTotals.accepted++;
    else this.#heartbeatTotals.refused++;
    const next_heartbeat_ms = this.nextHeartbeatMs();
    return result.accepted
      ? { accepted: true, next_heartbeat_ms }
      : { accepted: false, next_heartbeat_ms, reason: result.reason };
  }

  // ---- questions ----------------------------------------------------------------------------------------------------

  hives(query: HivesQuery): HiveList {
    const { registry } = this;
    const ids = query.max_age_ms === undefined ? registry.listAllHives() : registry.listActiveHives(query.max_age_ms);
    const { items, ...page } = pageOf(ids, () => true, query);
    return { hives: items.map((id) => registry.getHiveState(id) as HiveRuntimeState), ...page };
  }

  hive(hiveId: string, maxAgeMs: number = ONLINE_MAX_AGE_MS): HiveDetail {
    const state = this.registry.getHiveState(hiveId) ?? hiveNotFound(hiveId);
    const online = this.registry.isHiveOnline(hiveId, maxAgeMs);
    const record = this.catalog.find(hiveId);
    return record === undefined ? { ...state, online } : { ...state, online, catalog: record };
  }

  hiveWorkers(hiveId: string): readonly WorkerInfo[] {
    return this.registry.getHiveState(hiveId)?.workers ?? hiveNotFound(hiveId);
  }

  hiveResources(hiveId: string): ResourceInfo {
    return this.registry.getAvailableResources(hiveId) ?? hiveNotFound(hiveId);
  }

  removeHive(hiveId: string): void {
    if (!this.registry.removeHive(hiveId)) hiveNotFound(hiveId);
  }

  workers(query: WorkersQuery): WorkerList {
    const state = query.state?.toLowerCase();
    const passes = ({ hive_id, worker }: HiveWorker): boolean =>
      (state === undefined || worker.state.toLowerCase() === state) &&
      (query.model === undefined || hasModel(worker, query.model)) &&
      (query.backend === undefined || worker.backend === query.backend) &&
      (query.hive_id === undefined || hive_id === query.hive_id);
    const { items, ...page } = pageOf(this.#narrowest(query), passes, query);
    return { workers: items, ...page };
  }

  worker(workerId: string): HiveWorker {
    const found = this.registry.getWorker(workerId);
    if (found === undefined) throw new HiveError("WORKER_NOT_FOUND", `No worker ${JSON.stringify(workerId)} is known`);
    return found;
  }

  models(): ModelSummary[] {
    return this.registry.models();
  }

  /**
   * The best worker of the models that the name means; of several the first that has an idle one.
   *
   * @throws {HiveError} `NO_WORKER` when no alive hive has an idle worker.
   */
  route(model: string): RouteReply {
    const [first = model, ...others] = this.registry.resolveModels(model);
    let known = first;
    let best = this.registry.findBestWorkerForModel(known);
    for (const other of others) {
      if (best === undefined || hasModel(best.worker, known)) break;
      known = other;
      best = this.registry.findBestWorkerForModel(known);
    }
    if (best === undefined) throw new HiveError("NO_WORKER", this.#whyNoWorker(model));
    if (!hasModel(best.worker, known)) return { ...best, model_loaded: false };
    return { ...best, model_loaded: true, ...(known === model ? undefined : { model: known }) };
  }

  /** Who would be chosen for a reservation now, and why not the others. */
  explain(query: RouteQuery): Explanation {
    return this.registry.explain(explainedRequest(query));
  }

  stats(): StatsReply {
    const nowMs = this.clock.nowMs();
    const active = this.registry.reservationCount();
    return {
      ...this.registry.stats(),
      requests: { in_flight: active, queued: this.line.length, ...this.#requests },
      reservations: { active },
      heartbeats_per_second: this.#heartbeats.perSecond(nowMs),
      uptime_ms: nowMs - this.#startedAtMs,
      watchers: this.changes.readers + this.#hearers.size,
    };
  }

  snapshot(): RegistrySnapshot {
    return this.registry.snapshot();
  }

  /** By an operator's word: hives that are silent may be evicted again. */
  thaw(): ThawReply {
    return { thawed: this.registry.thaw() };
  }

  /** By an operator's word: every hive that is silent now is gone, whatever the brakes say. */
  evictSilent(): EvictReply {
    const ids = this.registry.evictAllSilent().map(({ hive_id }) => hive_id);
    return { evicted: ids.length, hive_ids: ids.slice(0, EVICTED_LISTED_MAX) };
  }

  /**
   * Ready: heartbeats are taken, and either every hive of the catalog was heard or the time for that has passed.
   *
   * @throws {HiveError} `NOT_READY` with the hives that are still missing, a hundred at most.
   */
  assertReady(): void {
    const waitedMs = this.clock.nowMs() - this.#startedAtMs;
    if (this.#awaited.size === 0 || waitedMs >= this.#graceMs) return;
    const missing = [...this.#awaited];
    throw new HiveError("NOT_READY", `Waiting for ${missing.length} cataloged hives`, {
      details: { waiting_for: missing.slice(0, 100), ready_in_ms: this.#graceMs - waitedMs },
    });
  }

  /**
   * How long it takes at most until the fleet is known as it is, ms; 0 from then on. Until then a model that nobody has may
   * still come: beside the hives of the catalog, every hive that lives beats within one interval.
   */
  knownInMs(): number {
    const waitedMs = this.clock.nowMs() - this.#startedAtMs;
    return Math.max(0, (this.#awaited.size === 0 ? this.#pace.intervalMs : this.#graceMs) - waitedMs);
  }

  /** The listing that is certain to contain the answer and is shortest. */
  #narrowest(query: WorkersQuery): Iterable<HiveWorker> {
    const { registry } = this;
    const { hive_id, model, backend } = query;
    if (hive_id !== undefined) return registry.getWorkersOnHive(hive_id).map((worker) => ({ hive_id, worker }));
    if (model !== undefined) return registry.workersByModel(model);
    if (query.state?.toLowerCase() === "idle") return registry.idleWorkers();
    if (backend !== undefined) return registry.workersByBackend(backend);
    return registry.allWorkers();
  }

  #whyNoWorker(model: string): string {
    const { hives, workers } = this.registry.stats();
    if (hives.total === 0) return "No hive has been heard yet. Start one with `hive agent`";
    if (hives.alive === 0) return `No hive is alive: ${hives.suspect} suspect, ${hives.silent} silent`;
    const busy = `${workers.busy} of ${workers.total} workers are busy, ${workers.loading} are loading`;
    const having = this.registry.resolveModels(model).reduce((sum, name) => sum + (workers.by_model[name] ?? 0), 0);
    if (having > 0) return `No worker is idle (${busy}); ${having} have the model`;
    const near = this.registry.nearModels(model, 3);
    const meant = near.length === 0 ? "" : `. Near misses: ${near.join(", ")}`;
    return `No worker is idle (${busy}); none has the model${meant}`;
  }

  // ---- reservations -------------------------------------------------------------------------------------------------

  /**
   * A place at a worker, at once or within `wait_ms`. A model that nobody has loaded is started, if a hive can do it.
   *
   * @param signal of the caller: when it hangs up it leaves the line, and a place that it was given is given back.
   * @throws {HiveError} `NO_WORKER`, with `coming_within_ms` when one is being started and the caller will not wait; or why the
   * model could not be started.
   */
  async reserve({ wait_ms, ...request }: ReserveBody, signal?: AbortSignal): Promise<ReservationReply> {
    const { line, onDemand } = this;
    const now = line.reserveNow(request);
    const coming = now === undefined ? onDemand.bring(request) : undefined;
    if (coming !== undefined && "error" in coming) throw coming.error;
    if (coming !== undefined && (wait_ms ?? 0) === 0) {
      const details = { coming_within_ms: coming.withinMs };
      throw new HiveError("NO_WORKER", `A worker for ${request.model} is being started`, { details });
    }
    const waiting = signal === undefined ? { waitMs: wait_ms ?? 0 } : { waitMs: wait_ms ?? 0, signal };
    const { reservation_id, hive_id, worker, model, expires_at_ms } = now ?? (await line.reserve(request, waiting));
    return { reservation_id, hive_id, worker, model, expires_at_ms };
  }

  /** What is reserved at a worker now; nothing at one that nobody knows. */
  heldPlaces({ hive_id, worker_id }: HeldPlacesQuery): HeldPlaces {
    const { held, left_out } = this.registry.heldPlaces(hive_id, worker_id);
    return { reservations: held, left_out };
  }

  /** How workers were chosen lately, newest first. */
  recentChoices(query: ChoicesQuery): ChoiceList {
    return this.line.choices.list(query);
  }

  /** Gives a place back. Harmless when that was done already. */
  release(reservationId: string, outcome: Outcome): void {
    if (!this.registry.release(reservationId, outcome)) return;
    if (outcome === "ok") this.#requests.completed_total++;
    if (outcome === "error") this.#requests.failed_total++;
  }

  // ---- catalog ------------------------------------------------------------------------------------------------------

  catalogHives(): CatalogRecord[] {
    return this.catalog.list();
  }

  catalogHive(id: string): CatalogRecord {
    return this.catalog.find(id) ?? hiveNotFound(id);
  }

  putCatalogHive(id: string, put: CatalogPut): CatalogRecord {
    const record = this.catalog.put(id, put, this.clock.nowMs());
    this.registry.labelHive(id, record.labels ?? {});
    if (this.registry.isHiveOnline(id, ONLINE_MAX_AGE_MS)) this.#writer.noteHeartbeat(id, this.clock.nowMs());
    return record;
  }

  /** What it was let in with ends, too. */
  removeCatalogHive(id: string): void {
    this.joinTokens.revoke(id);
    if (!this.catalog.remove(id)) hiveNotFound(id);
    this.#devices.forget(id);
    this.#awaited.delete(id);
    this.registry.labelHive(id, {});
  }

  #giveUpAwaited(): void {
    for (const id of this.#awaited) {
      if (this.catalog.find(id)?.status === "online") this.#writer.noteStatus(id, "offline");
    }
    this.#awaited.clear();
  }

  /** Ends timers and writes what waits. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.line.stop();
    this.#writer.stop();
    this.#devices.stop();
  }
}

/** Where the queen tells what she does by herself. */
export interface QueenLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

const SILENT: QueenLog = { info: () => {}, warn: () => {} };

const hasModel = (worker: WorkerInfo, model: string): boolean =>
  worker.model_id === model || worker.models?.includes(model) === true;

function hiveNotFound(id: string): never {
  throw new HiveError("HIVE_NOT_FOUND", `No hive ${JSON.stringify(id)} is known`);
}
