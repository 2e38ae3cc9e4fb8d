import type {
  CatalogPut,
  CatalogRecord,
  ChoiceList,
  ChoicesQuery,
  EventList,
  EventsQuery,
  EvictReply,
  FleetEvent,
  FleetTelemetry,
  HeartbeatReply,
  HeldPlaces,
  HeldPlacesQuery,
  HiveDetail,
  HiveList,
  HiveLogs,
  HiveQuery,
  HivesQuery,
  HivesTelemetry,
  HivesTelemetryQuery,
  HiveTelemetry,
  Installed,
  MachineAdd,
  Operation,
  OperationList,
  OperationStarted,
  PlaceWorker,
  ReservationReply,
  ReserveBody,
  RouteReply,
  StatsReply,
  StopWorkerQuery,
  TelemetryQuery,
  ThawReply,
  WatchQuery,
  WorkerList,
  WorkerPlaced,
  WorkersQuery,
} from "@hive-registry/contract";
import type {
  Explanation,
  HiveHeartbeatPayload,
  HiveLease,
  HiveRuntimeState,
  HiveWorker,
  ModelSummary,
  Outcome,
  RegistryEvent,
  RegistrySnapshot,
  ReserveRequest,
  ResourceInfo,
  WorkerInfo,
} from "hive-registry";
import { ClientError } from "./errors.ts";
import { eventStream, type FollowEventsOptions } from "./event-stream.ts";
import { type FollowOperationOptions, operationStream } from "./operation-stream.ts";
import { type Call, type CallOptions, Transport, type TransportOptions } from "./transport.ts";
import { type WatchOptions, watchStream } from "./watch.ts";

export type HiveClientOptions = TransportOptions;

/** A request for a place, to be explained. */
export type ExplainRequest = Omit<ReserveRequest, "ttl_ms" | "handed_over">;

const segment = encodeURIComponent;
const operationPath = (operationId: string): string => `/api/v1/operations/${segment(operationId)}`;

/** Typed calls to a queen. Every method throws {@link ClientError}; see there for the codes. */
export class HiveClient {
  readonly #queen: Transport;

  constructor(options: HiveClientOptions) {
    this.#queen = new Transport("queen", options);
  }

  get baseUrl(): string {
    return this.#queen.baseUrl;
  }

  /** A refused heartbeat is no error here: `accepted` is false and `reason` says why. */
  heartbeat(payload: HiveHeartbeatPayload | HiveLease, options?: CallOptions): Promise<HeartbeatReply> {
    return this.#queen.json("/api/v1/heartbeat", { ...options, method: "POST", body: payload });
  }

  /** One page; `next_cursor` asks for the following one. */
  hivesPage(query: HivesQuery = {}, options?: CallOptions): Promise<HiveList> {
    return this.#queen.json("/api/v1/hives", { ...options, query: { ...query } });
  }

  /** All hives, page by page (`limit` is the size of a page). */
  async *eachHive(query: HivesQuery = {}, options?: CallOptions): AsyncGenerator<HiveRuntimeState> {
    for (let cursor = query.cursor; ; ) {
      const page = await this.hivesPage(cursor === undefined ? query : { ...query, cursor }, options);
      yield* page.hives;
      if (page.next_cursor === undefined) return;
      cursor = page.next_cursor;
    }
  }

  /** All of them at once; for very large fleets walk {@link eachHive} instead. */
  async listHives(query: HivesQuery = {}, options?: CallOptions): Promise<HiveRuntimeState[]> {
    return collect(this.eachHive(query, options));
  }

  hive(hiveId: string, query: HiveQuery = {}, options?: CallOptions): Promise<HiveDetail> {
    return this.#queen.json(`/api/v1/hives/${segment(hiveId)}`, { ...options, query: { ...query } });
  }

  /** Forgets its runtime state; if it still beats, it comes back. Its catalog record stays. */
  async removeHive(hiveId: string, options?: CallOptions): Promise<void> {
    await this.#queen.text(`/api/v1/hives/${segment(hiveId)}`, { ...options, method: "DELETE" });
  }

  async hiveWorkers(hiveId: string, options?: CallOptions): Promise<readonly WorkerInfo[]> {
    const path = `/api/v1/hives/${segment(hiveId)}/workers`;
    return (await this.#queen.json<{ workers: readonly WorkerInfo[] }>(path, options)).workers;
  }

  hiveResources(hiveId: string, options?: CallOptions): Promise<ResourceInfo> {
    return this.#queen.json(`/api/v1/hives/${segment(hiveId)}/resources`, options);
  }

  workersPage(query: WorkersQuery = {}, options?: CallOptions): Promise<WorkerList> {
    return this.#queen.json("/api/v1/workers", { ...options, query: { ...query } });
  }

  async *eachWorker(query: WorkersQuery = {}, options?: CallOptions): AsyncGenerator<HiveWorker> {
    for (let cursor = query.cursor; ; ) {
      const page = await this.workersPage(cursor === undefined ? query : { ...query, cursor }, options);
      yield* page.workers;
      if (page.next_cursor === undefined) return;
      cursor = page.next_cursor;
    }
  }

  /** All of them at once; for very large fleets walk {@link eachWorker} instead. */
  async listWorkers(query: WorkersQuery = {}, options?: CallOptions): Promise<HiveWorker[]> {
    return collect(this.eachWorker(query, options));
  }

  /** Where two hives have a worker of that id: the one heard most recently. */
  worker(workerId: string, options?: CallOptions): Promise<HiveWorker> {
    return this.#queen.json(`/api/v1/workers/${segment(workerId)}`, options);
  }

  async models(options?: CallOptions): Promise<readonly ModelSummary[]> {
    return (await this.#queen.json<{ models: readonly ModelSummary[] }>("/api/v1/models", options)).models;
  }

  stats(options?: CallOptions): Promise<StatsReply> {
    return this.#queen.json("/api/v1/stats", options);
  }

  /** The best worker now, nothing reserved. `model_loaded` false: only a free worker that would have to load it. */
  route(model: string, options?: CallOptions): Promise<RouteReply> {
    return this.#queen.json("/api/v1/route", { ...options, query: { model } });
  }

  /** How workers were chosen lately, newest first. Of many choices a few are remembered. */
  choices(query: ChoicesQuery = {}, options?: CallOptions): Promise<ChoiceList> {
    return this.#queen.json("/api/v1/choices", { ...options, query: { ...query } });
  }

  /** The places that are held at a worker now, oldest first. */
  heldPlaces(query: HeldPlacesQuery, options?: CallOptions): Promise<HeldPlaces> {
    return this.#queen.json("/api/v1/reservations", { ...options, query: { ...query } });
  }

  /** Who would get a reservation now, and why not the others. Reserves nothing. */
  explain(request: ExplainRequest, options?: CallOptions): Promise<Explanation> {
    const { labels = {}, exclude = [], ...rest } = request;
    const query = new URLSearchParams({ explain: "true" });
    for (const [name, value] of Object.entries(rest)) if (value !== undefined) query.set(name, String(value));
    for (const [key, value] of Object.entries(labels)) query.append("label", `${key}=${value}`);
    for (const workerId of exclude) query.append("exclude", workerId);
    return this.#queen.json(`/api/v1/route?${query}`, options);
  }

  /**
   * Holds a place at the best worker, at once or within `wait_ms`. Give it a `timeoutMs` beyond that.
   *
   * @throws {ClientError} `NO_WORKER` when none came free in time.
   */
  reserve(request: ReserveBody, options?: CallOptions): Promise<ReservationReply> {
    return this.#queen.json("/api/v1/reservations", { ...options, method: "POST", body: request });
  }

  /** Gives a place back and tells how it went with the worker. Harmless when that was done already. */
  async release(reservationId: string, outcome: Outcome = "ok", options?: CallOptions): Promise<void> {
    const path = `/api/v1/reservations/${segment(reservationId)}`;
    await this.#queen.text(path, { ...options, method: "DELETE", query: { outcome } });
  }

  /**
   * Starts a worker on the hive that has room. With `wait` it answers when the model is loaded or has failed: give it a `timeoutMs`
   * that fits the model.
   *
   * @throws {ClientError} `NO_CAPACITY` with what each hive has, `MODEL_NOT_FOUND`.
   */
  placeWorker(request: PlaceWorker, options?: CallOptions): Promise<WorkerPlaced> {
    return this.#queen.json("/api/v1/workers", { ...options, method: "POST", body: request });
  }

  /** Resolves when it has ended. With `drain_ms` it finishes first: give it a `timeoutMs` beyond that. */
  async stopWorker(workerId: string, query: StopWorkerQuery = {}, options?: CallOptions): Promise<void> {
    const path = `/api/v1/workers/${segment(workerId)}`;
    await this.#queen.text(path, { ...options, method: "DELETE", query: { ...query } });
  }

  /** Resolves at once: it gets nothing new, and ends when it has finished. */
  async drainWorker(workerId: string, query: StopWorkerQuery = {}, options?: CallOptions): Promise<void> {
    const path = `/api/v1/workers/${segment(workerId)}/drain`;
    await this.#queen.text(path, { ...options, method: "POST", query: { ...query } });
  }

  async listCatalog(options?: CallOptions): Promise<readonly CatalogRecord[]> {
    return (await this.#queen.json<{ hives: readonly CatalogRecord[] }>("/api/v1/catalog/hives", options)).hives;
  }

  catalogHive(hiveId: string, options?: CallOptions): Promise<CatalogRecord> {
    return this.#queen.json(`/api/v1/catalog/hives/${segment(hiveId)}`, options);
  }

  putCatalogHive(hiveId: string, record: CatalogPut, options?: CallOptions): Promise<CatalogRecord> {
    return this.#queen.json(`/api/v1/catalog/hives/${segment(hiveId)}`, { ...options, method: "PUT", body: record });
  }

  async removeCatalogHive(hiveId: string, options?: CallOptions): Promise<void> {
    await this.#queen.text(`/api/v1/catalog/hives/${segment(hiveId)}`, { ...options, method: "DELETE" });
  }

  /** Answers at once; the hive's first heartbeat says that it lives. {@link operation} follows the steps. */
  startHive(hiveId: string, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "start", options);
  }

  stopHive(hiveId: string, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "stop", options);
  }

  restartHive(hiveId: string, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "restart", options);
  }

  /**
   * Puts a hive on a machine that the queen reaches by SSH. Answers at once; {@link followOperation} tells how it goes. What is done
   * already is left as it is, so that the same call again finishes a job that was broken off.
   */
  addMachine(hiveId: string, machine: MachineAdd, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "add", { ...options, body: machine });
  }

  /** Brings the queen's version to a machine of the catalog, and starts it. */
  installHive(hiveId: string, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "install", options);
  }

  /** Replaces a hive by the queen's version; one that is not heard afterwards is replaced by the version before it. */
  updateHive(hiveId: string, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "update", options);
  }

  /** Ends the hive and removes from its machine what was installed. */
  uninstallHive(hiveId: string, options?: CallOptions): Promise<OperationStarted> {
    return this.#lifecycle(hiveId, "uninstall", options);
  }

  /** What the machine itself says of its hive: the queen asks it by SSH. */
  machineStatus(hiveId: string, options?: CallOptions): Promise<Installed> {
    return this.#queen.json(`/api/v1/catalog/hives/${segment(hiveId)}/machine`, options);
  }

  /** The end of the log of a machine's hive. */
  async hiveLogs(hiveId: string, query: { readonly tail_bytes?: number } = {}, options?: CallOptions): Promise<string> {
    const path = `/api/v1/catalog/hives/${segment(hiveId)}/logs`;
    return (await this.#queen.json<HiveLogs>(path, { ...options, query: { ...query } })).text;
  }

  /** Lets silent hives be evicted again, where that is frozen because most of the fleet fell silent together. */
  thaw(options?: CallOptions): Promise<ThawReply> {
    return this.#queen.json("/api/v1/liveness/thaw", { ...options, method: "POST" });
  }

  /** Forgets every hive that is silent now, at once and without brakes. */
  evictSilent(options?: CallOptions): Promise<EvictReply> {
    return this.#queen.json("/api/v1/liveness/evict", { ...options, method: "POST" });
  }

  /** What goes on and what went on, newest first. */
  async operations(options?: CallOptions): Promise<readonly Operation[]> {
    return (await this.#queen.json<OperationList>("/api/v1/operations", options)).operations;
  }

  operation(operationId: string, options?: CallOptions): Promise<Operation> {
    return this.#queen.json(operationPath(operationId), options);
  }

  /** What was done so far stays. One that has ended is left as it is. */
  cancelOperation(operationId: string, options?: CallOptions): Promise<Operation> {
    return this.#queen.json(`${operationPath(operationId)}/cancel`, { ...options, method: "POST" });
  }

  /**
   * The operation as it is, then after each change, and last as it ended. A broken stream is opened anew, {@link FOLLOW_TRIES_MAX} times
   * in a row at most, so that a queen may restart meanwhile.
   *
   * @throws {ClientError} `OPERATION_NOT_FOUND`; the last failure when the queen does not come back. An aborted `signal` throws its own
   * reason; the operation goes on.
   */
  followOperation(operationId: string, options: FollowOperationOptions = {}): AsyncGenerator<Operation, void> {
    return operationStream(this.#queen, operationPath(operationId), options);
  }

  /** What was over time, of one hive. Without a query: the last hour, a value a minute. */
  hiveTelemetry(hiveId: string, query: TelemetryQuery = {}, options?: CallOptions): Promise<HiveTelemetry> {
    return this.#queen.json(`/api/v1/telemetry/hives/${segment(hiveId)}`, { ...options, query: { ...query } });
  }

  /** The same of the fleet as a whole, and of the models that were asked for. */
  fleetTelemetry(query: TelemetryQuery = {}, options?: CallOptions): Promise<FleetTelemetry> {
    return this.#queen.json("/api/v1/telemetry/fleet", { ...options, query: { ...query } });
  }

  /** A few values of many hives, page by page: what a line of a list can show. */
  hivesTelemetryPage(query: HivesTelemetryQuery = {}, options?: CallOptions): Promise<HivesTelemetry> {
    return this.#queen.json("/api/v1/telemetry/hives", { ...options, query: { ...query } });
  }

  /** The same of all hives, page by page (`limit` is the size of a page). */
  async *eachHiveTelemetry(
    query: HivesTelemetryQuery = {},
    options?: CallOptions,
  ): AsyncGenerator<HivesTelemetry["hives"][number]> {
    for (let cursor = query.cursor; ; ) {
      const page = await this.hivesTelemetryPage(cursor === undefined ? query : { ...query, cursor }, options);
      yield* page.hives;
      if (page.next_cursor === undefined) return;
      cursor = page.next_cursor;
    }
  }

  /**
   * What happened, newest last: without `after` the newest, else the first ones after it. A `run_id` other than the one that was seen
   * last means that the queen began anew, and her numbers with her.
   */
  events(query: EventsQuery = {}, options?: CallOptions): Promise<EventList> {
    return this.#queen.json("/api/v1/events", { ...options, query: { ...query } });
  }

  /**
   * First what {@link events} answers, then each event as it happens. Reconnects until `signal` aborts (then it ends) and goes on
   * where it was; of a queen that began anew it tells everything.
   *
   * @throws {ClientError} for what trying again does not heal: a wrong token, a wrong address, a refused filter.
   */
  followEvents(query: EventsQuery = {}, options: FollowEventsOptions = {}): AsyncGenerator<FleetEvent, void> {
    return eventStream(this.#queen, query, options);
  }

  /** Resolves when the queen's process answers. */
  async health(options?: CallOptions): Promise<void> {
    await this.#queen.text("/healthz", options);
  }

  /** False while it starts or stops (503). */
  async ready(options?: CallOptions): Promise<boolean> {
    try {
      await this.#queen.text("/readyz", options);
      return true;
    } catch (error) {
      if (error instanceof ClientError && error.status === 503) return false;
      throw error;
    }
  }

  /**
   * Everything there is, then every change, in order. Reconnects until `signal` aborts (then it ends) and goes on where
   * it was, or yields a new snapshot where that is not possible. With filters, revisions have gaps.
   *
   * @throws {ClientError} for what trying again does not heal: a wrong token, a wrong address, a refused filter.
   */
  watch(query: WatchQuery = {}, options: WatchOptions = {}): AsyncGenerator<RegistrySnapshot | RegistryEvent, void> {
    return watchStream(this.#queen, query, options);
  }

  #lifecycle(hiveId: string, verb: string, options?: Call): Promise<OperationStarted> {
    return this.#queen.json(`/api/v1/catalog/hives/${segment(hiveId)}/${verb}`, { ...options, method: "POST" });
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
