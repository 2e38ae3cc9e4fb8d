import type { HiveAgentClient, HiveClient, HiveRuntimeState, ManagedWorker, WorkerInfo } from "@hive-registry/client";
import { ClientError } from "@hive-registry/client";
import { CommandError } from "../failure.ts";
import { elapsed } from "../output/units.ts";

/** How often the queen is asked whether it has happened, ms. It is on this machine and has little to do yet. */
export const POLL_MS = 50;
/** A server must listen, and the hive's first heartbeat arrive, within this. */
export const SERVER_WAIT_MS = 60_000;
/** A worker that loads for longer is left to itself; large models take their time. */
export const WORKER_WAIT_MS = 180_000;
/** While a worker loads, a line says so this often. */
export const REMARK_MS = 15_000;
/** A worker's own hive is asked less often why it is not ready. */
const PHASE_EVERY_MS = 500;

export interface WaitDeps {
  nowMs(): number;
  /** Resolves after so many ms, or when `signal` aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** `promise`, or an error that says what was awaited in vain. */
export async function bounded<T>(deps: WaitDeps, promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  const over = new AbortController();
  const late = deps.pause(limitMs, over.signal).then(() => {
    if (!over.signal.aborted) throw new CommandError(`${what} within ${elapsed(limitMs)}.`);
    return promise;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}

/** The hive that was started, once the queen has its first heartbeat. */
export async function hiveJoined(
  deps: WaitDeps,
  client: Pick<HiveClient, "listHives">,
  isIt: (hive: HiveRuntimeState) => boolean,
  signal: AbortSignal,
): Promise<HiveRuntimeState> {
  for (;;) {
    const hive = (await client.listHives()).find((one) => one.status === "alive" && isIt(one));
    if (hive !== undefined) return hive;
    await deps.pause(POLL_MS, signal);
    signal.throwIfAborted();
  }
}

export type WorkerOutcome =
  | { readonly kind: "ready"; readonly worker: WorkerInfo; readonly model: string; readonly url: string }
  /** Every worker there is has failed for good. */
  | { readonly kind: "failed"; readonly workers: readonly ManagedWorker[] }
  | { readonly kind: "none" }
  | { readonly kind: "late"; readonly workers: readonly ManagedWorker[] };

export interface WorkerWait {
  readonly hiveId: string;
  /** Whether one must come: a model was named, or the demonstration model is wanted. */
  readonly expected: boolean;
  readonly limitMs: number;
  readonly remark: (text: string) => void;
}

/** The first worker that takes work, as the queen knows it; or why there is none. */
export async function workerReady(
  deps: WaitDeps,
  client: Pick<HiveClient, "hiveWorkers">,
  hive: Pick<HiveAgentClient, "workers">,
  { hiveId, expected, limitMs, remark }: WorkerWait,
  signal: AbortSignal,
): Promise<WorkerOutcome> {
  const startedMs = deps.nowMs();
  let phases: readonly ManagedWorker[] = [];
  let askedMs = Number.NEGATIVE_INFINITY;
  let remarkedMs = startedMs;
  for (;;) {
    const ready = await workingOne(client, hiveId);
    if (ready !== undefined) return ready;
    const nowMs = deps.nowMs();
    if (nowMs - askedMs >= PHASE_EVERY_MS) {
      askedMs = nowMs;
      phases = await phasesOf(hive, phases);
      if (phases.length > 0 && phases.every((one) => one.phase === "failed"))
        return { kind: "failed", workers: phases };
      if (phases.length === 0 && !expected) return { kind: "none" };
    }
    if (nowMs - startedMs >= limitMs) return { kind: "late", workers: phases };
    if (nowMs - remarkedMs >= REMARK_MS) {
      remarkedMs = nowMs;
      remark(phases.length === 0 ? "no worker has been started yet" : phases.map(inWords).join("; "));
    }
    await deps.pause(POLL_MS, signal);
    signal.throwIfAborted();
  }
}

/** One that takes requests, or would if it were not busy: a server that ran before may be in use. */
async function workingOne(client: Pick<HiveClient, "hiveWorkers">, hiveId: string): Promise<WorkerOutcome | undefined> {
  try {
    for (const worker of await client.hiveWorkers(hiveId)) {
      const model = worker.model_id ?? worker.models?.[0];
      if (worker.state === "Loading" || worker.url === undefined || worker.draining || model === undefined) continue;
      return { kind: "ready", worker, model, url: worker.url };
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    // The hive may be gone for a moment: its process is watched elsewhere.
  }
  return undefined;
}

async function phasesOf(
  hive: Pick<HiveAgentClient, "workers">,
  known: readonly ManagedWorker[],
): Promise<readonly ManagedWorker[]> {
  try {
    return await hive.workers();
  } catch (error) {
    if (error instanceof ClientError) return known;
    throw error;
  }
}

/** `demo is starting`, `llama has failed: MODEL_INVALID: …`. */
export function inWords({ worker, phase, error, restart_in_ms }: ManagedWorker): string {
  const why = error === undefined ? "" : `: ${error.code}: ${error.message}`;
  if (phase === "failed") return `${worker.worker_id} has failed${why}`;
  if (phase === "backoff") return `${worker.worker_id} ended and starts again in ${elapsed(restart_in_ms ?? 0)}${why}`;
  return `${worker.worker_id} is ${phase === "starting" ? "loading its model" : phase}`;
}
