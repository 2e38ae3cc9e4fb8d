import {
  HiveError,
  LACKS_MAX,
  type LibraryModel,
  type NoCapacityDetails,
  type PlaceWorker,
  type StopWorkerQuery,
  type WorkerPlaced,
} from "@hive-registry/contract";
import type { HiveRegistry, HiveRuntimeState } from "hive-registry";
import {
  findHiveForModel,
  type HeldMemory,
  type HiveLack,
  type HiveRoom,
  memoryNeed,
  PlacementsUnderWay,
  type PlaceRequest,
  type Placing,
} from "hive-registry/placement";
import type { Clock } from "../core/clock.ts";
import { type HiveCalls, isCode } from "./hive-calls.ts";
import type { Libraries, Startable } from "./libraries.ts";

/** Hives that one start is tried at. */
const TRIES_MAX = 3;
/** Refused with these, another hive may take it. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...["HIVE_UNREACHABLE", "TIMEOUT", "BAD_REPLY", "SHUTTING_DOWN", "ENGINE_MISSING", "NO_CAPACITY"],
  ...["MODEL_NOT_FOUND"],
]);
/** How often a hive is asked about a worker that it does not tell of, ms. */
const LOOK_EVERY_MS = 1_000;
/** Longest time that a model may load while somebody waits to hear of it, ms. */
export const START_WITHIN_MS = 600_000;
export const DRAIN_DEFAULT_MS = 600_000;
/** Hives that a message names; the details have more. */
const LACKS_NAMED_MAX = 3;

/** A worker that was started, and what it takes. */
export interface StartedWorker extends WorkerPlaced {
  readonly url: string;
  readonly model: string;
}

/** A model that is to be started, and what it may need on any of its hives. */
export interface Wanted {
  readonly startable: Startable;
  readonly request: PlaceRequest;
}

interface Choice {
  readonly place: { readonly hive_id: string; readonly device_id?: number };
  /** Absent: only its hive knows what is meant. */
  readonly wanted?: Wanted;
}

/** Starts workers on the hive that has room, and ends them. The hive does it; the queen chooses and promises memory once. */
export class Placements {
  readonly #registry: HiveRegistry;
  readonly #clock: Clock;
  readonly #calls: HiveCalls;
  readonly #libraries: Libraries;
  readonly #log: PlacementsDeps["log"];
  readonly #underWay: PlacementsUnderWay = new PlacementsUnderWay();
  /** Ends listening; undefined while nothing is under way, for listeners of heartbeats cost each of them something. */
  #stopListening: (() => void) | undefined;

  constructor(deps: PlacementsDeps) {
    this.#registry = deps.registry;
    this.#clock = deps.clock;
    this.#calls = deps.calls;
    this.#libraries = deps.libraries;
    this.#log = deps.log;
  }

  /**
   * Starts a worker where there is room; it loads afterwards.
   *
   * @throws {HiveError} `MODEL_NOT_FOUND`, `NO_CAPACITY` with {@link NoCapacityDetails}, or what the last hive said.
   */
  async start(request: PlaceWorker, options: { readonly onDemand?: boolean } = {}): Promise<StartedWorker> {
    const { hive_id } = request;
    if (hive_id !== undefined && this.#registry.getHiveState(hive_id) === undefined) {
      throw new HiveError("HIVE_NOT_FOUND", `No hive ${JSON.stringify(hive_id)} is known`);
    }
    const exclude: string[] = [];
    for (;;) {
      const wanted = await this.#wanted(request);
      const choice = wanted.length === 0 ? { place: { hive_id: hive_id as string } } : this.#choose(wanted, exclude);
      try {
        return await this.#startAt(choice, request, options);
      } catch (error) {
        const tried = choice.place.hive_id;
        exclude.push(tried);
        const mayGoElsewhere = error instanceof HiveError && ELSEWHERE.has(error.code) && hive_id === undefined;
        if (!mayGoElsewhere || exclude.length >= TRIES_MAX || !hasOther(wanted, exclude)) throw error;
        this.#log.warn({ hive_id: tried, model: request.model, why: error.message }, "a hive did not start a model");
      }
    }
  }

  /** The models that a name means, and what each one needs; none when no library has it. */
  want(request: PlaceWorker): Wanted[] {
    const { hive_id, backend, device_id, labels } = request;
    const wish = { hive_id, backend, device_id, labels };
    const given = Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
    return this.#libraries
      .find(request.model)
      .filter(({ hives }) => hive_id === undefined || hives.has(hive_id))
      .map((startable) => {
        const memory_bytes = request.memory_bytes ?? needOf(startable, request);
        return { startable, request: { ...given, memory_bytes } };
      });
  }

  /** Where it would go now; `freed` counts as free, and `held` as promised: what is under way, unless told otherwise. */
  find(
    { startable, request }: Wanted,
    options: { readonly freed?: Iterable<HeldMemory>; readonly held?: Iterable<HeldMemory> } = {},
  ): Placing {
    const { freed = [], held = this.#underWay } = options;
    const negative = [...freed].map((one) => ({ ...one, memory_bytes: -one.memory_bytes }));
    return findHiveForModel(this.#roomsOf(startable), request, [...held, ...negative]);
  }

  /** Whether it fits once what is ready, and may be counted twice just now, is only measured. */
  fitsSoon(wanted: Wanted): boolean {
    return this.find(wanted, { held: this.#underWay.loading() }).place !== undefined;
  }

  /** The failure that says what each hive has. */
  noRoom({ startable, request }: Wanted, lacks: readonly HiveLack[]): HiveError {
    const details: NoCapacityDetails = {
      memory_bytes: request.memory_bytes,
      hives: lacks.slice(0, LACKS_MAX),
      left_out: Math.max(0, lacks.length - LACKS_MAX),
    };
    const named = lacks.slice(0, LACKS_NAMED_MAX).map(inWords);
    const others = lacks.length - named.length;
    const rooms = [...named, ...(others > 0 ? [`${others} more`] : [])].join(", ");
    const message = `${startable.model} needs ${gb(request.memory_bytes)} GB, and no hive that has its file has room: ${rooms}`;
    return new HiveError("NO_CAPACITY", message, { details });
  }

  /**
   * Resolves when the worker is ready.
   *
   * @throws {HiveError} why it failed; `TIMEOUT` when it loads for longer than `withinMs`.
   */
  outcome({ hive_id, worker_id, url }: StartedWorker, withinMs: number = START_WITHIN_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const stops: (() => void)[] = [];
      let isAsking = false;
      const settle = (end: () => void) => {
        for (const stop of stops.splice(0)) stop();
        end();
      };
      const fail = (error: HiveError) => settle(() => reject(error));
      const isListed = (): boolean => {
        const worker = this.#registry.getWorkersOnHive(hive_id).find((one) => one.worker_id === worker_id);
        if (worker !== undefined && worker.state !== "Loading") settle(resolve);
        return worker !== undefined;
      };
      const ask = async (): Promise<void> => {
        if (isAsking) return;
        isAsking = true;
        const why = await this.#calls.worker(url, worker_id).then(
          ({ phase, error }) => (phase === "failed" ? failureOf(error) : undefined),
          (error: unknown) => (error instanceof HiveError && error.code === "WORKER_NOT_FOUND" ? STOPPED : undefined),
        );
        isAsking = false;
        if (why !== undefined && stops.length > 0) fail(why);
      };
      stops.push(
        this.#registry.subscribe((event) => {
          if (!("hive_id" in event) || event.hive_id !== hive_id) return;
          if (event.type === "hive.removed" || event.type === "hive.evicted") {
            fail(new HiveError("HIVE_UNREACHABLE", `The hive ${hive_id} is gone`));
          } else if (event.type === "hive.heartbeat" && !isListed()) void ask();
        }),
        // A worker that failed at once was perhaps never told of.
        this.#clock.every(LOOK_EVERY_MS, () => {
          if (!isListed()) void ask();
        }),
        this.#clock.after(withinMs, () =>
          fail(new HiveError("TIMEOUT", `The worker ${worker_id} on ${hive_id} still loads after ${withinMs} ms`)),
        ),
      );
      isListed();
    });
  }

  /**
   * Ends a worker that its hive started; when it is over.
   *
   * @throws {HiveError} `WORKER_NOT_FOUND`, `NOT_MANAGED`, `HIVE_UNREACHABLE`
   */
  async stop(workerId: string, query: StopWorkerQuery = {}): Promise<void> {
    const hiveId = this.#hiveOf(workerId, query);
    await this.#calls.stop(await this.#libraries.urlOf(hiveId), workerId, query.drain_ms ?? 0);
  }

  /** Lets a worker finish what it has, and end then. Does not wait for it. */
  async drain(workerId: string, query: StopWorkerQuery = {}): Promise<void> {
    const hiveId = this.#hiveOf(workerId, query);
    const url = await this.#libraries.urlOf(hiveId);
    const { managed } = await this.#calls.worker(url, workerId);
    if (!managed) throw new HiveError("NOT_MANAGED", `The worker ${workerId} was not started by its hive`);
    this.#calls.stop(url, workerId, query.drain_ms ?? DRAIN_DEFAULT_MS).catch((error: unknown) => {
      this.#log.warn({ hive_id: hiveId, worker_id: workerId, err: error }, "a worker did not end");
    });
  }

  end(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  /** While something is under way, heartbeats and time take effect on it. */
  #listen(): void {
    if (this.#stopListening !== undefined) return;
    const underWay = this.#underWay;
    const settle = () => {
      if (underWay.size === 0) this.end();
    };
    const stopHearing = this.#registry.subscribe((event) => {
      if (!("hive_id" in event)) return;
      const { hive_id } = event;
      if (event.type === "hive.heartbeat") underWay.hear(hive_id, event.workers, this.#clock.nowMs());
      if (event.type === "hive.lease") underWay.hear(hive_id, undefined, this.#clock.nowMs());
      if (event.type === "hive.removed" || event.type === "hive.evicted") underWay.hiveIsGone(hive_id);
      settle();
    });
    const stopTicking = this.#clock.every(LOOK_EVERY_MS, () => {
      underWay.tick(this.#clock.nowMs());
      settle();
    });
    this.#stopListening = () => {
      stopHearing();
      stopTicking();
    };
  }

  async #wanted(request: PlaceWorker): Promise<readonly Wanted[]> {
    const known = this.want(request);
    if (known.length > 0) return known;
    await this.#libraries.lookAgain();
    const found = this.want(request);
    // A hive that is named may understand what no library says: a path, say.
    if (found.length > 0 || request.hive_id !== undefined) return found;
    throw new HiveError(
      "MODEL_NOT_FOUND",
      `No hive that the queen reaches has a file of ${JSON.stringify(request.model)}`,
    );
  }

  /** The first of them that has room somewhere. */
  #choose(wanted: readonly Wanted[], exclude: readonly string[]): Choice {
    let error: HiveError | undefined;
    for (const one of wanted) {
      const found = this.find({ ...one, request: { ...one.request, exclude } });
      if (found.place !== undefined) return { place: found.place, wanted: one };
      error ??= this.noRoom(one, found.lacks);
    }
    throw error ?? new TypeError("nothing is wanted");
  }

  async #startAt(
    { place, wanted }: Choice,
    request: PlaceWorker,
    options: { readonly onDemand?: boolean },
  ): Promise<StartedWorker> {
    const { hive_id } = place;
    const memory_bytes = wanted?.request.memory_bytes ?? request.memory_bytes;
    const device_id = place.device_id ?? request.device_id;
    const device = device_id === undefined ? {} : { device_id };
    // From here on nobody else is promised this memory.
    const ticket = this.#underWay.begin({ hive_id, ...device, memory_bytes: memory_bytes ?? 0 }, this.#clock.nowMs());
    this.#listen();
    try {
      const url = await this.#libraries.urlOf(hive_id);
      const entry = wanted?.startable.hives.get(hive_id);
      const { worker } = await this.#calls.start(url, {
        model: entry?.file ?? request.model,
        ...(entry === undefined ? {} : { alias: entry.model }),
        ...device,
        ...(request.backend === "cpu" ? { gpu: false } : {}),
        ...(request.engine === undefined ? {} : { engine: request.engine }),
        ...(request.slots === undefined ? {} : { slots: request.slots }),
        ...(request.context_tokens === undefined ? {} : { context_tokens: request.context_tokens }),
        ...(options.onDemand === true ? { on_demand: true } : {}),
      });
      const { worker_id, model_id = request.model } = worker;
      this.#underWay.taken(ticket, worker_id);
      this.#underWay.hear(hive_id, this.#registry.getWorkersOnHive(hive_id), this.#clock.nowMs());
      this.#log.info({ hive_id, worker_id, model: model_id, ...device, memory_bytes }, "a worker is started");
      return {
        hive_id,
        worker_id,
        ...device,
        ...(memory_bytes === undefined ? {} : { memory_bytes }),
        url,
        model: model_id,
      };
    } catch (error) {
      // Who did not answer in time may have started it all the same: its memory stays promised for a while.
      if (!(error instanceof HiveError && error.code === "TIMEOUT")) this.#underWay.end(ticket);
      throw error;
    }
  }

  #roomsOf({ hives }: Startable): HiveRoom[] {
    return [...hives.keys()]
      .map((hiveId) => this.#registry.getHiveState(hiveId))
      .filter((state): state is HiveRuntimeState => state !== undefined);
  }

  #hiveOf(workerId: string, { hive_id }: StopWorkerQuery): string {
    const found = hive_id ?? this.#registry.getWorker(workerId)?.hive_id;
    if (found !== undefined) return found;
    throw new HiveError("WORKER_NOT_FOUND", `No worker ${JSON.stringify(workerId)} is known`);
  }
}

export interface PlacementsDeps {
  readonly registry: HiveRegistry;
  readonly clock: Clock;
  readonly calls: HiveCalls;
  readonly libraries: Libraries;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** On whichever of its hives: files of one name may differ. */
function needOf({ hives }: Startable, { slots, context_tokens }: PlaceWorker): number {
  const serving = {
    ...(slots === undefined ? {} : { slots }),
    ...(context_tokens === undefined ? {} : { context_tokens }),
  };
  return Math.max(...[...hives.values()].map(({ memory }: LibraryModel) => memoryNeed(memory, serving)));
}

const hasOther = (wanted: readonly Wanted[], exclude: readonly string[]): boolean =>
  wanted.some(({ startable }) => [...startable.hives.keys()].some((hiveId) => !exclude.includes(hiveId)));

function inWords({ hive_id, reason, room_bytes = 0 }: HiveLack): string {
  return reason === "no_room" ? `${hive_id} has ${gb(room_bytes)} GB` : `${hive_id} (${reason.replaceAll("_", " ")})`;
}

const STOPPED = new HiveError("WORKER_FAILED", "The worker was stopped before it was ready");

function failureOf(error: { readonly code: string; readonly message: string } | undefined): HiveError {
  if (error === undefined) return new HiveError("WORKER_FAILED", "The worker ended before it was ready");
  return new HiveError(isCode(error.code) ? error.code : "WORKER_FAILED", error.message);
}

const gb = (bytes: number): string => (bytes / 1e9).toFixed(1);
