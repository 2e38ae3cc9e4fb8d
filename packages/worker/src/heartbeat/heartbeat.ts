import type { Log } from "@hive-registry/command";
import type { WorkerHeartbeat } from "@hive-registry/contract";
import type { WorkerStatus } from "../status.ts";

export interface HeartbeatDeps {
  readonly status: WorkerStatus;
  readonly log: Log;
  readonly fetch: typeof fetch;
  /** Ms since epoch. */
  readonly now: () => number;
}

export interface HeartbeatOptions {
  readonly hiveUrl: string;
  readonly workerId: string;
  readonly modelId: string;
  readonly token?: string;
  /** At most so long between two beats, ms. */
  readonly intervalMs?: number;
}

export const HEARTBEAT_INTERVAL_MS = 3_000;
/** A hive that does not answer within this is tried again at the next beat. */
const TIMEOUT_MS = 2_000;

/** What the worker tells its hive now. */
export function heartbeatOf(status: WorkerStatus, options: HeartbeatOptions, nowMs: number): WorkerHeartbeat {
  const load = status.load();
  const { lastHandover } = status;
  const busy = load.slots_busy >= load.slots_total;
  return {
    worker_id: options.workerId,
    timestamp: new Date(nowMs).toISOString(),
    health_status: "healthy",
    state: status.phase === "loading" ? "Loading" : busy ? "Busy" : "Idle",
    ...load,
    model_id: options.modelId,
    engine: "llama-cpp",
    ...(status.engine && { backend: status.engine.info.backend }),
    ...(status.phase === "draining" && { draining: true }),
    ...(status.lastReservation !== undefined && { last_reservation: status.lastReservation }),
    ...(lastHandover !== undefined && { last_handover: lastHandover }),
  };
}

/**
 * Tells the hive of every change at once, and that it lives every few seconds. One message is on its way at a time, and a
 * change meanwhile sends one more with what is true then. A hive that is away harms nothing. Returns the function that stops it.
 */
export function startHeartbeat(deps: HeartbeatDeps, options: HeartbeatOptions): () => void {
  const url = new URL("/v1/heartbeat", options.hiveUrl);
  let stopped = false;
  let giveUp = new AbortController();
  let sending = false;
  let changed = false;
  let reached = true;

  const post = async (): Promise<void> => {
    giveUp = new AbortController();
    const tooLate = setTimeout(() => giveUp.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    try {
      const response = await deps.fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        },
        body: JSON.stringify(heartbeatOf(deps.status, options, deps.now())),
        signal: giveUp.signal,
      });
      await response.arrayBuffer();
      noteReach(response.ok, { status: response.status });
    } catch (error) {
      if (!stopped) noteReach(false, { err: error });
    } finally {
      clearTimeout(tooLate);
    }
  };
  // A hive that is away for an hour is worth two lines, not a thousand.
  const noteReach = (ok: boolean, why: object): void => {
    if (ok !== reached) {
      if (ok) deps.log.info("the hive takes heartbeats again");
      else deps.log.warn({ ...why, hive_url: options.hiveUrl }, "the hive does not take heartbeats; trying on");
    }
    reached = ok;
  };
  const beat = async (): Promise<void> => {
    changed = true;
    if (sending) return;
    sending = true;
    while (changed && !stopped) {
      changed = false;
      await post();
    }
    sending = false;
  };

  const unsubscribe = deps.status.onChange(() => void beat());
  const timer = setInterval(() => void beat(), options.intervalMs ?? HEARTBEAT_INTERVAL_MS);
  void beat();
  return () => {
    clearInterval(timer);
    unsubscribe();
    stopped = true;
    giveUp.abort();
  };
}
