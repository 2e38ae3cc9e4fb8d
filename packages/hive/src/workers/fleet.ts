import type { Log } from "@hive-registry/command";
import {
  HiveError,
  type ManagedWorker,
  type StartWorker,
  type WorkerHeartbeat,
  type WorkerInfo,
} from "@hive-registry/contract";
import { type Clock, within } from "../clock.ts";
import type { Machine } from "../devices/machine.ts";
import { describeFound } from "../discovery/describe-found.ts";
import type { FoundServer } from "../discovery/discovery.ts";
import type { Reach } from "../heartbeat/reach.ts";
import { describeManaged, describeReported, stateOf } from "./describe.ts";
import type { SupervisedWorker } from "./supervised-worker.ts";
import type { Exposure, Supervisor } from "./supervisor.ts";
import { REPORT_TTL_MS, type ToldByWorkers } from "./told.ts";
import { type Usage, UsageMeter } from "./usage.ts";

/** A caller that waits for a worker to be ready is answered by then; loading goes on. */
export const START_WAIT_MAX_MS: number = 10 * 60_000;

export interface FleetDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly machine: Machine;
  readonly supervisor: Supervisor;
  readonly told: ToldByWorkers;
  /** Servers that run here without the hive's doing, and those that the operator named. */
  readonly found: () => readonly FoundServer[];
  /** Below which URL servers are reached that demand a key which only this hive has; `undefined`: nobody could. */
  readonly relayUrl: () => string | undefined;
  readonly reach: () => Reach;
  /** Where a worker that is started now shall listen. */
  readonly exposure: () => Promise<Exposure>;
  /** Called after anything of any worker may have changed. */
  readonly onChange: () => void;
  /** Called when a worker that was not started here announced itself. */
  readonly onAnnounced: (workerId: string) => void;
}

/** All workers of this machine as one list: those started here, those that announced themselves, and those that were found. */
export class Fleet {
  readonly #deps: FleetDeps;
  readonly #meter: UsageMeter;
  readonly #reportTtlMs: number;
  readonly #deviceIds = new Map<string, number>();
  readonly #onDemand = new Set<string>();
  #usage = new Map<number, Usage>();

  constructor(deps: FleetDeps, options: { readonly reportTtlMs?: number } = {}) {
    this.#deps = deps;
    this.#meter = new UsageMeter({ clock: deps.clock });
    this.#reportTtlMs = options.reportTtlMs ?? REPORT_TTL_MS;
  }

  /** Every worker, also those that failed. */
  list(): ManagedWorker[] {
    const { supervisor, told, reach } = this.#deps;
    const here = reach();
    const listed = [
      ...supervisor.list().map((worker) => this.#describe(worker, here)),
      ...told.reported().map((one) => describeReported(one, here)),
    ];
    return [...listed, ...this.#found(here, new Set(listed.map(({ worker }) => worker.worker_id)))];
  }

  #found(reach: Reach, taken: Set<string>): ManagedWorker[] {
    const facts = { reach, backendOtherwise: this.#backendOtherwise(), relayUrl: this.#deps.relayUrl() };
    return this.#deps.found().map((server) => {
      const pid = server.site?.pid;
      const usage = pid === undefined ? undefined : this.#usage.get(pid);
      const described = describeFound(server, { ...facts, usage });
      // Somebody gave this id to another worker: two of one id would make the whole heartbeat invalid.
      let { worker_id } = described.worker;
      while (taken.has(worker_id)) worker_id = `found-${worker_id}`;
      taken.add(worker_id);
      return worker_id === described.worker.worker_id
        ? described
        : { ...described, worker: { ...described.worker, worker_id } };
    });
  }

  /** On a machine without other devices it is known what computes. */
  #backendOtherwise(): string | undefined {
    return this.#deps.machine.devices().length === 0 ? "cpu" : undefined;
  }

  /** @throws {HiveError} `WORKER_NOT_FOUND` */
  get(workerId: string): ManagedWorker {
    const found = this.list().find(({ worker }) => worker.worker_id === workerId);
    if (found === undefined) throw new HiveError("WORKER_NOT_FOUND", `No worker ${workerId} is known here`);
    return found;
  }

  /** What the queens are told: all but those that were started here and will not come back. */
  workers(): WorkerInfo[] {
    return this.list()
      .filter(({ managed, phase }) => !managed || phase !== "failed")
      .map(({ worker }) => worker);
  }

  /**
   * Starts a worker; with `wait` it answers when it is ready.
   *
   * @throws {HiveError} as `Supervisor.start`; with `wait` also why the worker ended before it was ready, or `TIMEOUT`.
   */
  async start(request: StartWorker): Promise<ManagedWorker> {
    const { clock, supervisor, told } = this.#deps;
    const worker = await supervisor.start(request, await this.#deps.exposure());
    if (request.device_id === undefined) this.#deviceIds.delete(worker.id);
    else this.#deviceIds.set(worker.id, request.device_id);
    if (request.on_demand === true) this.#onDemand.add(worker.id);
    else this.#onDemand.delete(worker.id);
    told.forgetReported(worker.id);
    if (request.wait === true) {
      const ready = worker.outcome().then(() => true);
      if ((await within(clock, START_WAIT_MAX_MS, ready)) === undefined) {
        throw new HiveError("TIMEOUT", `The worker ${worker.id} still loads; GET /v1/workers tells when it is ready`);
      }
    }
    return this.#describe(worker, this.#deps.reach());
  }

  /** @throws {HiveError} `WORKER_NOT_FOUND`, or `NOT_MANAGED` for one that was not started here. */
  async stop(workerId: string, options: { readonly drainMs?: number } = {}): Promise<void> {
    const isStrangers = (): boolean =>
      this.list().some(({ managed, worker }) => !managed && worker.worker_id === workerId);
    if (this.#deps.supervisor.find(workerId) === undefined && isStrangers()) {
      throw new HiveError(
        "NOT_MANAGED",
        `The worker ${workerId} was not started by this hive: stop it where it was started`,
      );
    }
    await this.#deps.supervisor.stop(workerId, options);
    this.#deps.told.forgetManaged(workerId);
  }

  /** Takes a worker's own heartbeat. @throws {HiveError} as `ToldByWorkers.hearReported`. */
  hear(beat: WorkerHeartbeat): void {
    const { supervisor, told } = this.#deps;
    const worker = supervisor.find(beat.worker_id);
    if (worker === undefined) {
      told.hearReported(beat);
      this.#deps.onAnnounced(beat.worker_id);
    } else if (worker.pid !== undefined) {
      told.hearManaged(beat, worker.pid);
    }
    this.#deps.onChange();
  }

  slotsBusy(workerId: string): number {
    const worker = this.#deps.supervisor.find(workerId);
    const beat = worker && this.#deps.told.managed(workerId, worker.pid)?.beat;
    return beat?.slots_busy ?? (stateOf(beat) === "Busy" ? 1 : 0);
  }

  /** Measures what every worker uses, and drops those that have not reported for too long. */
  async sample(): Promise<void> {
    const { machine, supervisor, told, log, onChange } = this.#deps;
    const gone = told.dropSilent(this.#reportTtlMs);
    if (gone.length > 0)
      log.warn({ worker_ids: gone }, "workers that announced themselves are silent: no longer listed");
    machine.sample();
    const running = supervisor.list().filter(({ pid }) => pid !== undefined);
    const found = this.#deps.found().map(({ site }) => site?.pid);
    const mayUseDevice =
      found.length > 0 || running.some((worker) => told.managed(worker.id, worker.pid)?.beat.backend !== "cpu");
    const deviceMemory = mayUseDevice && machine.devices().length > 0 ? await machine.processes() : undefined;
    const pids = [...new Set([...running.map(({ pid }) => pid), ...found])].filter((pid) => pid !== undefined);
    this.#usage = await this.#meter.measure(pids, machine.devices(), deviceMemory);
    onChange();
  }

  #describe(worker: SupervisedWorker, reach: Reach): ManagedWorker {
    const { pid } = worker;
    const described = describeManaged(worker, {
      told: this.#deps.told.managed(worker.id, pid),
      usage: pid === undefined ? undefined : this.#usage.get(pid),
      reach,
      nowMs: this.#deps.clock.nowMs(),
      backendOtherwise: this.#backendOtherwise(),
      deviceId: this.#deviceIds.get(worker.id),
    });
    return this.#onDemand.has(worker.id) ? { ...described, on_demand: true } : described;
  }
}
