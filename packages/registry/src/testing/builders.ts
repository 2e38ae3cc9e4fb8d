import type { HiveHeartbeatPayload, WorkerInfo } from "../types.ts";

/** A clock that stands still until a story moves it. */
export class FakeClock {
  ms: number;
  readonly now = (): number => this.ms;

  constructor(startMs: number = Date.parse("2025-10-21T10:00:00Z")) {
    this.ms = startMs;
  }

  advance(ms: number): void {
    this.ms += ms;
  }

  /** The present as RFC 3339, moved by `offsetMs`. */
  iso(offsetMs = 0): string {
    return new Date(this.ms + offsetMs).toISOString();
  }
}

export function aWorker(fields: Partial<WorkerInfo> = {}): WorkerInfo {
  return {
    worker_id: "worker-1",
    state: "Idle",
    last_heartbeat: "2025-10-21T10:00:00Z",
    health_status: "healthy",
    url: "http://127.0.0.1:9300",
    ...fields,
  };
}

export function aHeartbeat(fields: Partial<HiveHeartbeatPayload> = {}): HiveHeartbeatPayload {
  return { hive_id: "localhost", timestamp: "2025-10-21T10:00:00Z", workers: [aWorker()], ...fields };
}
