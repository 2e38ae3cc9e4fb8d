import type { HiveAgentClient, HiveClient } from "@hive-registry/client";
import { recordOf } from "@hive-registry/lifecycle";
import { CommandError, EXIT } from "../failure.ts";
import type { Progress } from "../output/progress.ts";
import { harmless, oneLine } from "../output/text.ts";
import { count } from "../output/units.ts";
import type { ServerName } from "../servers/commands.ts";
import type { Exit, ServerProcess } from "../servers/server-process.ts";
import type { UpState, UpStateFile } from "./state.ts";
import { type Names, whatToTry } from "./text.ts";
import {
  bounded,
  hiveJoined,
  inWords,
  SERVER_WAIT_MS,
  type WaitDeps,
  type WorkerOutcome,
  workerReady,
} from "./wait.ts";

/** What the hive itself starts; others ran before. */
const BUNDLED_ENGINE = "llama-cpp";
/** The hive ends its workers first: 10 s for each, all at once. */
export const HIVE_GRACE_MS = 20_000;
export const QUEEN_GRACE_MS = 10_000;
/** Between the failure of a call and the notice that its server has ended. */
const DEATH_NOTICE_MS = 500;

export interface UpOptions {
  readonly port: number;
  readonly hivePort: number;
  readonly listen?: string | undefined;
  /** By which others reach this machine's workers. */
  readonly advertise?: string | undefined;
  readonly stateDir: string;
  readonly tokenFile?: string | undefined;
  readonly models: readonly string[];
  readonly demo: boolean;
  readonly id?: string | undefined;
  readonly workerWaitMs: number;
}

export interface UpDeps extends WaitDeps {
  readonly names: Names;
  print(line: string): void;
  note(line: string): void;
  progress(print: (line: string) => void): Progress;
  start(name: ServerName, args: readonly string[]): ServerProcess;
  clientAt(url: string): Pick<HiveClient, "listHives" | "hiveWorkers">;
  hiveAt(url: string): Pick<HiveAgentClient, "workers" | "health">;
  /** The first Ctrl-C or SIGTERM asks for an end, the second forces it. */
  readonly interrupt: { readonly first: AbortSignal; readonly second: AbortSignal };
}

/**
 * Runs a queen and this machine's hive until it is interrupted (0) or one of them ends by itself (1). Whatever the way out, nothing
 * that it started goes on.
 */
export async function up(deps: UpDeps, file: UpStateFile, options: UpOptions): Promise<number> {
  const servers: Partial<Record<ServerName, ServerProcess>> = {};
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, deps.interrupt.first]);
  const progress = deps.progress((line) => {
    deps.print(line);
    file.update({ lines: [...file.state.lines, line] });
  });
  let reportDeath: (server: ServerProcess) => void = () => undefined;
  const death = new Promise<ServerProcess>((resolve) => {
    reportDeath = resolve;
  });
  const start = (name: ServerName, args: readonly string[]): ServerProcess => {
    const server = deps.start(name, args);
    servers[name] = server;
    server.exited.then(() => reportDeath(server));
    file.update({ [name]: { process: recordOf(server.pid, deps.nowMs()) } });
    return server;
  };

  try {
    const running = bringUp({ deps, file, options, progress, start, signal }).then(() => once(deps.interrupt.first));
    running.catch(() => undefined);
    const dead = await Promise.race([running, death, once(deps.interrupt.first)]);
    progress.end();
    return dead === undefined ? EXIT.done : tellDeath(deps, dead, await dead.exited);
  } catch (error) {
    progress.end();
    if (deps.interrupt.first.aborted) return EXIT.done;
    // A call that failed because its server has just ended: the end is what to tell.
    const dead = await Promise.race([death, deps.pause(DEATH_NOTICE_MS, signal)]);
    if (dead !== undefined) return tellDeath(deps, dead, await dead.exited);
    throw error;
  } finally {
    leaving.abort();
    file.update({ phase: "stopping" });
    await stopAll(deps, servers);
    file.remove();
  }
}

interface BringUp {
  readonly deps: UpDeps;
  readonly file: UpStateFile;
  readonly options: UpOptions;
  readonly progress: Progress;
  readonly start: (name: ServerName, args: readonly string[]) => ServerProcess;
  readonly signal: AbortSignal;
}

async function bringUp({ deps, file, options, progress, start, signal }: BringUp): Promise<void> {
  progress.waiting("starting the queen and this machine's hive");
  const queen = start("queen", queenArgs(options));
  // A hive tries again until its queen answers, so where the address is known beforehand both start at once.
  const early =
    options.port === 0 ? undefined : start("hive", hiveArgs(options, localUrl(options.listen, options.port)));
  const queenUrl = reachable(await listening(deps, queen));
  file.update({ queen: { ...serverOf(file, "queen", queen, deps), url: queenUrl } });
  progress.done(`queen listens on ${queenUrl}`);

  progress.waiting("starting this machine's hive");
  const agent = early ?? start("hive", hiveArgs(options, queenUrl));
  const hiveUrl = reachable(await listening(deps, agent));
  const [client, hive] = [deps.clientAt(queenUrl), deps.hiveAt(hiveUrl)];
  progress.waiting("waiting for the hive's first heartbeat");
  const { hive_id } = await hive.health({ signal });
  const joining = hiveJoined(deps, client, (one) => one.hive_id === hive_id, signal);
  const joined = await bounded(deps, joining, SERVER_WAIT_MS, `The hive ${hive_id} sent no heartbeat`);
  file.update({ hive: { ...serverOf(file, "hive", agent, deps), url: hiveUrl, hive_id: joined.hive_id } });
  progress.done(`hive ${joined.hive_id} joined from ${hiveUrl}${devicesOf(joined.devices?.length)}`);

  progress.waiting("waiting for a worker");
  const outcome = await workerReady(
    deps,
    client,
    hive,
    {
      hiveId: joined.hive_id,
      expected: options.demo || options.models.length > 0,
      limitMs: options.workerWaitMs,
      remark: (text) => progress.remark(oneLine(text)),
    },
    signal,
  );
  tellOutcome(progress, file, outcome, options.workerWaitMs);
  file.update({ phase: "ready" });
  deps.print(whatToTry(file.state, deps.names));
  deps.print("\nCtrl-C stops it all.");
}

function tellOutcome(progress: Progress, file: UpStateFile, outcome: WorkerOutcome, limitMs: number): void {
  if (outcome.kind === "ready") {
    const { worker, model, url } = outcome;
    file.update({ worker: { worker_id: worker.worker_id, model, url } });
    const found =
      worker.engine === undefined || worker.engine === BUNDLED_ENGINE ? "" : `found ${worker.engine} here: `;
    progress.done(oneLine(`${found}worker ${worker.worker_id} is ready with ${model}`));
    return;
  }
  progress.end();
  if (outcome.kind === "none") return;
  const states = outcome.workers.map((worker) => oneLine(inWords(worker))).join("; ");
  const soFar = states === "" ? "none has been started" : states;
  if (outcome.kind === "failed") file.update({ problem: `No worker runs: ${states}.` });
  else {
    const advice = "`hive workers` shows when one is";
    file.update({ problem: `No worker was ready within ${limitMs / 1_000} s (${soFar}); ${advice}.` });
  }
  progress.failed(outcome.kind === "failed" ? states : `no worker is ready yet: ${soFar}`);
}

const serverOf = (
  file: UpStateFile,
  name: ServerName,
  server: ServerProcess,
  deps: UpDeps,
): NonNullable<UpState["queen"]> => file.state[name] ?? { process: recordOf(server.pid, deps.nowMs()) };

const devicesOf = (gpus: number | undefined): string => (gpus ? ` with ${count(gpus, "GPU")}` : "");

async function listening(deps: UpDeps, server: ServerProcess): Promise<string> {
  try {
    return await bounded(deps, server.listening, SERVER_WAIT_MS, `The ${server.name} did not get ready`);
  } catch (error) {
    if (error instanceof CommandError)
      throw new CommandError(`${error.message} Its log: ${server.logFile}\n${harmless(server.tail())}`);
    // It ended: that is told where all ends are.
    return new Promise(() => undefined);
  }
}

/** Where a server that listens everywhere is reached from its own machine. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

function localUrl(listen: string | undefined, port: number): string {
  const host = listen ?? "127.0.0.1";
  return reachable(`http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`);
}

function queenArgs({ port, listen, stateDir, tokenFile }: UpOptions): string[] {
  return [
    "--port",
    String(port),
    "--state-dir",
    stateDir,
    ...flag("--listen", listen),
    ...flag("--token-file", tokenFile),
  ];
}

function hiveArgs(
  { hivePort, stateDir, tokenFile, models, demo, id, advertise }: UpOptions,
  queenUrl: string,
): string[] {
  return [
    ...["--queen", queenUrl, "--port", String(hivePort), "--state-dir", stateDir],
    ...flag("--token-file", tokenFile),
    ...flag("--id", id),
    ...flag("--advertise", advertise),
    ...models.flatMap((model) => ["--model", model]),
    ...(demo ? [] : ["--no-demo"]),
  ];
}

const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);

function tellDeath(deps: UpDeps, server: ServerProcess, { code, signal }: Exit): number {
  deps.note(
    `The ${server.name} ended by itself (${signal ?? `exit code ${code}`}). The last lines of ${server.logFile}:`,
  );
  const tail = harmless(server.tail());
  deps.note(tail === "" ? "  (it is empty)" : tail.replaceAll(/^/gm, "  "));
  // Its own message names its own flag.
  if (server.name === "hive" && /port \d+ is taken/.test(tail)) deps.note("The flag of hive up for it is --hive-port.");
  return EXIT.failed;
}

/** The hive first: it says goodbye and ends its workers while the queen still listens. */
async function stopAll(deps: UpDeps, { hive, queen }: Partial<Record<ServerName, ServerProcess>>): Promise<void> {
  await stop(deps, hive, HIVE_GRACE_MS);
  await stop(deps, queen, QUEEN_GRACE_MS);
}

async function stop(deps: UpDeps, server: ServerProcess | undefined, graceMs: number): Promise<void> {
  if (server === undefined) return;
  server.kill("SIGTERM");
  const over = new AbortController();
  const enough = AbortSignal.any([over.signal, deps.interrupt.second]);
  await Promise.race([server.exited, deps.pause(graceMs, enough)]);
  over.abort();
  // Does nothing to one that has ended.
  server.kill("SIGKILL");
  await server.exited;
}

function once(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
