import type { spawn as nodeSpawn } from "node:child_process";
import type { Log } from "@hive-registry/command";
import { HiveError, ID_LENGTH_MAX, type StartWorker } from "@hive-registry/contract";
import { type Clock, pause } from "../clock.ts";
import { workerLogPath } from "../config/state-dir.ts";
import type { Engine, LaunchDevice } from "./engines/engine.ts";
import { LogFile } from "./log-file.ts";
import { aliasOf, findModelFile } from "./model-file.ts";
import { PidFiles } from "./pid-files.ts";
import { Ports } from "./ports.ts";
import { SupervisedWorker } from "./supervised-worker.ts";

/** Workers that one hive starts, ended ones that are still shown included. */
export const MANAGED_WORKERS_MAX = 64;
/** The longest time a draining worker is given to finish. */
export const DRAIN_MAX_MS = 600_000;
/** Clients that were sent to a worker just before it drained may still be on their way. */
const DRAIN_MIN_MS = 500;
const DRAIN_LOOK_EVERY_MS = 100;

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** By name; the first is the default. */
  readonly engines: readonly Engine[];
  readonly isHealthy: (url: string, token: string | undefined) => Promise<boolean>;
  /** The device with this number; undefined when there is none. */
  readonly device: (deviceId: number) => LaunchDevice | undefined;
  /** How many requests a worker runs, as far as it told. */
  readonly slotsBusy: (workerId: string) => number;
  readonly onChange: () => void;
  readonly spawn?: typeof nodeSpawn;
}

export interface SupervisorOptions {
  readonly modelsDir: string;
  readonly logsDir: string;
  readonly pidsDir: string;
  readonly workerPortStart: number;
  readonly hiveUrl: string;
  /** SHA-256, hex, of the fleet's token: workers that demand a key take that token, too. */
  readonly fleetTokenSha256?: string;
  readonly stopGraceMs?: number;
  readonly logBytesMax?: number;
}

/** Where workers listen and what key they demand; decided once the way to the queen is known. */
export interface Exposure {
  readonly listen: string;
  readonly token?: string;
}

/** Starts, watches and stops this hive's own workers. */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #options: SupervisorOptions;
  readonly #ports: Ports;
  readonly #pidFiles: PidFiles;
  readonly #workers = new Map<string, SupervisedWorker>();
  #stopped = false;

  constructor(deps: SupervisorDeps, options: SupervisorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#ports = new Ports(options.workerPortStart);
    this.#pidFiles = new PidFiles(options.pidsDir);
  }

  /** Ends workers that a hive of this id left behind when it was killed. */
  async endOrphans(): Promise<void> {
    const ended = await this.#pidFiles.endOrphans(this.#deps.clock);
    if (ended.length > 0) this.#deps.log.warn({ worker_ids: ended }, "ended workers that a former run left behind");
  }

  list(): SupervisedWorker[] {
    return [...this.#workers.values()];
  }

  find(workerId: string): SupervisedWorker | undefined {
    return this.#workers.get(workerId);
  }

  logPath(workerId: string): string {
    return workerLogPath(this.#options.logsDir, workerId);
  }

  /**
   * Checks the request and starts the worker's process; it loads afterwards (`outcome()` tells when it is ready).
   *
   * @throws {HiveError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `ENGINE_MISSING`, `ALREADY_RUNNING` (the id), `NO_CAPACITY`
   * (too many workers, no port), `INVALID_REQUEST` (no such engine or device), `SHUTTING_DOWN`.
   */
  async start(request: StartWorker, exposure: Exposure): Promise<SupervisedWorker> {
    const engine = this.#engineOf(request.engine);
    const device = this.#deviceOf(request.device_id);
    const model_path = await findModelFile(request.model, this.#options.modelsDir);
    const alias = request.alias ?? aliasOf(model_path);
    // From here until it stands in the list nothing waits, so two requests never get the same id.
    if (this.#stopped) throw new HiveError("SHUTTING_DOWN", "The hive is about to stop");
    const worker_id = request.worker_id ?? this.#freeId(alias);
    this.#makeRoom(worker_id);
    const { clock, random, log, isHealthy, onChange, spawn } = this.#deps;
    const { fleetTokenSha256 } = this.#options;
    const worker = new SupervisedWorker(
      {
        ...{ clock, random, log, isHealthy, onChange, engine },
        ...{ ports: this.#ports, pidFiles: this.#pidFiles },
        logFile: new LogFile(this.logPath(worker_id), {
          ...(this.#options.logBytesMax !== undefined && { bytesMax: this.#options.logBytesMax }),
          onError: (error) => log.warn({ worker_id, error }, "the worker's log cannot be written"),
        }),
        ...(spawn !== undefined && { spawn }),
      },
      {
        launch: {
          ...{ worker_id, model_path, alias, hive_url: this.#options.hiveUrl, listen: exposure.listen },
          ...(exposure.token !== undefined && {
            token: exposure.token,
            ...(fleetTokenSha256 !== undefined && { fleet_token_sha256: fleetTokenSha256 }),
          }),
          ...(device !== undefined && { device }),
          ...(request.gpu !== undefined && { gpu: request.gpu }),
          ...(request.slots !== undefined && { slots: request.slots }),
          ...(request.context_tokens !== undefined && { context_tokens: request.context_tokens }),
        },
        ...(this.#options.stopGraceMs !== undefined && { stopGraceMs: this.#options.stopGraceMs }),
      },
    );
    this.#workers.set(worker_id, worker);
    onChange();
    try {
      await worker.start();
    } catch (error) {
      // Nothing runs that could be listed, and the caller has been told why.
      if (this.#workers.get(worker_id) === worker) this.#workers.delete(worker_id);
      onChange();
      throw error;
    }
    return worker;
  }

  /**
   * Stops a worker and forgets it. With `drainMs` it first finishes what it has, for so long at most.
   *
   * @throws {HiveError} `WORKER_NOT_FOUND`
   */
  async stop(workerId: string, options: { readonly drainMs?: number } = {}): Promise<void> {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) throw new HiveError("WORKER_NOT_FOUND", `No worker ${workerId} was started here`);
    const drainMs = Math.min(options.drainMs ?? 0, DRAIN_MAX_MS);
    if (drainMs > 0 && worker.phase === "ready") await this.#drain(worker, drainMs);
    await worker.stop();
    if (this.#workers.get(workerId) === worker) {
      this.#workers.delete(workerId);
      this.#deps.onChange();
    }
  }

  /** Stops all of them, side by side. Nothing is started any more. */
  async stopAll(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.list().map((worker) => worker.stop()));
  }

  /** Ends all of them at once. */
  killAll(): void {
    this.#stopped = true;
    for (const worker of this.list()) worker.kill();
  }

  async #drain(worker: SupervisedWorker, drainMs: number): Promise<void> {
    const { clock, slotsBusy } = this.#deps;
    worker.drain();
    const startedMs = clock.nowMs();
    await pause(clock, Math.min(DRAIN_MIN_MS, drainMs));
    while (worker.phase === "ready" && slotsBusy(worker.id) > 0 && clock.nowMs() - startedMs < drainMs) {
      await pause(clock, DRAIN_LOOK_EVERY_MS);
    }
  }

  #engineOf(name: string | undefined): Engine {
    const engine = this.#deps.engines.find((known) => name === undefined || known.name === name);
    if (engine !== undefined) return engine;
    const known = this.#deps.engines.map((one) => one.name).join(", ");
    const message = `there is no engine ${name}; there are ${known}`;
    throw new HiveError("INVALID_REQUEST", message, { details: [{ path: "/engine", message }] });
  }

  #deviceOf(deviceId: number | undefined): LaunchDevice | undefined {
    if (deviceId === undefined) return undefined;
    const device = this.#deps.device(deviceId);
    if (device !== undefined) return device;
    const message = `there is no device ${deviceId} on this machine`;
    throw new HiveError("INVALID_REQUEST", message, { details: [{ path: "/device_id", message }] });
  }

  /** The alias, or the alias and a number. */
  #freeId(alias: string): string {
    const base = alias.slice(0, ID_LENGTH_MAX - 4);
    for (let number = 1; ; number++) {
      const id = number === 1 ? base : `${base}-${number}`;
      if (!this.#workers.has(id)) return id;
    }
  }

  /** A failed worker makes room: for the same id, and when there are too many. */
  #makeRoom(workerId: string): void {
    const sameId = this.#workers.get(workerId);
    if (sameId !== undefined && sameId.phase !== "failed") {
      const details = { worker_id: workerId, phase: sameId.phase };
      throw new HiveError("ALREADY_RUNNING", `There is a worker ${workerId} already`, { details });
    }
    this.#workers.delete(workerId);
    if (this.#workers.size < MANAGED_WORKERS_MAX) return;
    const oldestFailed = this.list().find(({ phase }) => phase === "failed");
    if (oldestFailed === undefined) {
      throw new HiveError("NO_CAPACITY", `This hive runs ${MANAGED_WORKERS_MAX} workers, the most it starts`);
    }
    this.#workers.delete(oldestFailed.id);
  }
}
