import { type ChildProcess, spawn as nodeSpawn } from "node:child_process";
import type { Log } from "@hive-registry/command";
import { HiveError, type WorkerPhase } from "@hive-registry/contract";
import { type Backoff, backoffMs } from "../backoff.ts";
import { type Clock, pause, within } from "../clock.ts";
import { Lines } from "../lines.ts";
import type { Command, Ending, Engine, Launch } from "./engines/engine.ts";
import type { LogFile } from "./log-file.ts";
import { type PidFiles, signalGroup } from "./pid-files.ts";
import type { Ports } from "./ports.ts";

export const RESTART: Backoff = { firstMs: 1_000, capMs: 60_000 };
/** A worker that was ready for so long ran well: its next failure waits as the first one did. */
export const RAN_WELL_MS = 60_000;
/** Between SIGTERM and SIGKILL. */
export const STOP_GRACE_MS = 10_000;
/** Large models on slow disks load for minutes; one that takes longer than this hangs. */
export const START_LIMIT_MS: number = 30 * 60_000;
/** From "listening" to the first good answer. */
const HEALTH_LIMIT_MS = 15_000;
const HEALTH_EVERY_MS = 100;
/** A killed process that is still there after this waits in the kernel; it is not waited for. */
const KILL_LIMIT_MS = 2_000;
/** The last output of a process that ended is read within this. */
const OUTPUT_LIMIT_MS = 1_000;
/** Other programs may take a port between our look and the worker's. */
const PORT_TRIES_MAX = 16;
/** Lines of stderr kept to say why it ended. */
const LAST_LINES_MAX = 20;

export interface SupervisedWorkerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly ports: Ports;
  readonly pidFiles: PidFiles;
  readonly logFile: LogFile;
  readonly engine: Engine;
  /** Whether a URL answers 200. */
  readonly isHealthy: (url: string, token: string | undefined) => Promise<boolean>;
  /** Called after each change of phase. */
  readonly onChange: () => void;
  readonly spawn?: typeof nodeSpawn;
}

export interface SupervisedWorkerOptions {
  readonly launch: Omit<Launch, "port">;
  readonly stopGraceMs?: number;
}

/** One worker's life: start, ready, restart with growing pauses, stop. Its process may change; its id stays. */
export class SupervisedWorker {
  readonly launch: Omit<Launch, "port">;
  readonly engineName: string;
  readonly #deps: SupervisedWorkerDeps;
  readonly #stopGraceMs: number;
  #phase: WorkerPhase = "starting";
  #child: ChildProcess | undefined;
  #port: number | undefined;
  /** Ports that other programs took first; kept from being tried again until there is an outcome. */
  #refusedPorts: number[] = [];
  #restarts = 0;
  #failuresInARow = 0;
  #restartAtMs = 0;
  #readySinceMs: number | undefined;
  #error: HiveError | undefined;
  #draining = false;
  #changedAtMs: number;
  #cancelTimer: () => void = () => {};
  #stopping: Promise<void> | undefined;
  #outcomes: ((error: HiveError | undefined) => void)[] = [];

  constructor(deps: SupervisedWorkerDeps, options: SupervisedWorkerOptions) {
    this.#deps = deps;
    this.#changedAtMs = deps.clock.wallMs();
    this.launch = options.launch;
    this.engineName = deps.engine.name;
    this.#stopGraceMs = options.stopGraceMs ?? STOP_GRACE_MS;
  }

  get id(): string {
    return this.launch.worker_id;
  }
  get phase(): WorkerPhase {
    return this.#phase;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }
  /** Where it serves; known while it is ready. */
  get port(): number | undefined {
    return this.#phase === "ready" || this.#phase === "stopping" ? this.#port : undefined;
  }
  get restarts(): number {
    return this.#restarts;
  }
  get restartInMs(): number | undefined {
    if (this.#phase !== "backoff") return undefined;
    return Math.max(0, Math.round(this.#restartAtMs - this.#deps.clock.nowMs()));
  }
  /** When its phase changed last, ms since epoch. */
  get changedAtMs(): number {
    return this.#changedAtMs;
  }
  get error(): HiveError | undefined {
    return this.#error;
  }
  get draining(): boolean {
    return this.#draining || this.#phase === "stopping";
  }

  /** It gets no new work from now on; what it has it finishes. */
  drain(): void {
    this.#draining = true;
    this.#deps.onChange();
  }

  /**
   * Starts its process.
   *
   * @throws {HiveError} `ENGINE_MISSING`, `NO_CAPACITY` (no free port); it is `failed` then.
   */
  async start(): Promise<void> {
    try {
      await this.#spawn();
    } catch (error) {
      const failure = error instanceof HiveError ? error : new HiveError("WORKER_FAILED", "It could not be started");
      this.#fail(failure);
      throw failure;
    }
  }

  /** Resolves when it is ready; rejects with why it failed, also where it will be tried again. */
  outcome(): Promise<void> {
    if (this.#phase === "ready") return Promise.resolve();
    if (this.#error !== undefined && this.#phase !== "starting") return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#outcomes.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Ends it and all its processes: SIGTERM, then SIGKILL after the grace. Resolves when it is gone. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends it at once. */
  kill(): void {
    if (this.pid !== undefined) signalGroup(this.pid, "SIGKILL");
  }

  async #spawn(): Promise<void> {
    const { ports, logFile, clock, log } = this.#deps;
    const port = await ports.take(this.launch.listen);
    // Stopped while the port was looked for.
    if (this.#stopping !== undefined) return ports.giveBack(port);
    const { command, args, env } = this.#commandFor(port);
    this.#port = port;
    const child = (this.#deps.spawn ?? nodeSpawn)(command, args, {
      env,
      // Its own group, so that its children end with it and a terminal's Ctrl-C reaches it only through the hive.
      detached: true,
      // It sees its stdin close when the hive dies, however it dies.
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    logFile.write(`--- ${new Date(clock.wallMs()).toISOString()} started, pid ${child.pid ?? "none"}\n`);
    if (child.pid !== undefined) this.#deps.pidFiles.remember(this.id, child.pid);
    log.info({ worker_id: this.id, pid: child.pid, port }, "worker started");
    this.#cancelTimer = clock.after(START_LIMIT_MS, () => this.kill());

    const lastLines: string[] = [];
    const stdout = new Lines();
    const stderr = new Lines();
    child.stdin?.on("error", () => {});
    child.stdout?.on("data", (bytes: Buffer) => {
      logFile.write(bytes);
      for (const line of stdout.push(bytes.toString("utf8"))) this.#readLine(line, child);
    });
    const keep = (lines: string[]): void => {
      for (const line of lines) if (line.trim() !== "") lastLines.push(line);
      lastLines.splice(0, lastLines.length - LAST_LINES_MAX);
    };
    child.stderr?.on("data", (bytes: Buffer) => {
      logFile.write(bytes);
      keep(stderr.push(bytes.toString("utf8")));
    });
    let ended = false;
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (ended) return;
      ended = true;
      keep(stderr.flush());
      this.#ended(child, { code, signal, lastLines });
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      lastLines.push(`it could not be started (${error.code ?? "unknown error"})`);
      end(null, null);
    });
    // "close" comes when its output is read whole, but waits for grandchildren that hold the pipes: those of its group end
    // now, and those that left it are not waited for.
    let cancelWait: () => void = () => {};
    child.on("exit", () => {
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
      cancelWait = clock.after(OUTPUT_LIMIT_MS, () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      });
    });
    child.on("close", (code, signal) => {
      cancelWait();
      end(code, signal);
    });
  }

  #commandFor(port: number): Command {
    try {
      return this.#deps.engine.command({ ...this.launch, port });
    } catch (error) {
      this.#deps.ports.giveBack(port);
      throw error;
    }
  }

  #readLine(line: string, child: ChildProcess): void {
    const port = this.#phase === "starting" ? this.#deps.engine.portIn(line) : undefined;
    if (port !== undefined) void this.#awaitHealth(port, child);
  }

  async #awaitHealth(port: number, child: ChildProcess): Promise<void> {
    const { clock, engine, isHealthy, log } = this.#deps;
    const host = dialable(this.launch.listen);
    const limitMs = clock.nowMs() + HEALTH_LIMIT_MS;
    const isWaiting = (): boolean => this.#child === child && this.#phase === "starting";
    while (isWaiting() && !(await isHealthy(`http://${host}:${port}${engine.healthPath}`, this.launch.token))) {
      if (clock.nowMs() > limitMs) {
        log.warn({ worker_id: this.id }, "the worker says it listens but does not answer; it is started anew");
        return this.kill();
      }
      await pause(clock, HEALTH_EVERY_MS);
    }
    if (!isWaiting()) return;
    this.#cancelTimer();
    this.#port = port;
    this.#readySinceMs = clock.nowMs();
    this.#error = undefined;
    log.info({ worker_id: this.id, port }, "worker ready");
    this.#become("ready");
  }

  #ended(child: ChildProcess, ending: Ending): void {
    const { clock, engine, log, logFile, pidFiles, ports } = this.#deps;
    this.#cancelTimer();
    pidFiles.forget(this.id);
    const { code, signal } = ending;
    logFile.write(`--- ${new Date(clock.wallMs()).toISOString()} ended, ${code === null ? signal : `exit ${code}`}\n`);
    if (this.#child === child) this.#child = undefined;
    const verdict = engine.verdict(ending);
    if (this.#port !== undefined) {
      if (verdict.kind === "port-taken") this.#refusedPorts.push(this.#port);
      else ports.giveBack(this.#port);
    }
    if (this.#stopping !== undefined) return;

    const ranMs = this.#readySinceMs === undefined ? 0 : clock.nowMs() - this.#readySinceMs;
    this.#readySinceMs = undefined;
    if (ranMs >= RAN_WELL_MS) this.#failuresInARow = 0;
    if (verdict.kind === "fatal") {
      this.#fail(verdict.error);
      return;
    }
    if (verdict.kind === "port-taken" && this.#refusedPorts.length < PORT_TRIES_MAX) {
      log.info({ worker_id: this.id, port: this.#port }, "another program took the port; the next one is tried");
      void this.start().catch(() => {});
      return;
    }
    const message = verdict.kind === "restart" ? verdict.message : "No port was left to it";
    const waitMs = backoffMs(this.#failuresInARow++, RESTART, this.#deps.random);
    this.#restartAtMs = clock.nowMs() + waitMs;
    const details = { last_words: ending.lastLines.slice(-5), restart_in_ms: Math.round(waitMs) };
    this.#error = new HiveError("WORKER_FAILED", message, { details });
    log.warn({ worker_id: this.id, restart_in_ms: Math.round(waitMs) }, message);
    this.#cancelTimer = clock.after(waitMs, () => {
      this.#restarts++;
      this.#become("starting");
      void this.start().catch(() => {});
    });
    this.#become("backoff");
  }

  #fail(error: HiveError): void {
    if (this.#stopping !== undefined) return;
    this.#error = error;
    this.#deps.log.error({ worker_id: this.id, code: error.code }, error.message);
    this.#become("failed");
  }

  async #stop(): Promise<void> {
    const { clock, log, logFile } = this.#deps;
    this.#cancelTimer();
    const child = this.#child;
    this.#error ??= new HiveError("WORKER_FAILED", "The worker was stopped before it was ready");
    this.#become("stopping");
    if (child?.pid !== undefined) {
      const gone = new Promise<true>((resolve) => child.once("close", () => resolve(true)));
      signalGroup(child.pid, "SIGTERM");
      if (!(await within(clock, this.#stopGraceMs, gone))) {
        log.warn(
          { worker_id: this.id, grace_ms: this.#stopGraceMs },
          "the worker did not end when asked; it is killed",
        );
        signalGroup(child.pid, "SIGKILL");
        if (!(await within(clock, KILL_LIMIT_MS, gone))) {
          log.error({ worker_id: this.id, pid: child.pid }, "the worker cannot be killed: it waits in the kernel");
        }
      }
    }
    await logFile.close();
  }

  #become(phase: WorkerPhase): void {
    this.#phase = phase;
    this.#changedAtMs = this.#deps.clock.wallMs();
    if (phase !== "starting") {
      for (const port of this.#refusedPorts.splice(0)) this.#deps.ports.giveBack(port);
      const error = phase === "ready" ? undefined : this.#error;
      for (const tell of this.#outcomes.splice(0)) tell(error);
    }
    this.#deps.onChange();
  }
}

/** An address to call where a server listens at `host`: "everywhere" is reached through loopback. */
export function dialable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
