import { HiveError, type WorkerHeartbeat } from "@hive-registry/contract";
import type { Clock } from "../clock.ts";

/** How often a worker that was not started here is expected to report; after three missed beats it is gone. */
export const REPORT_INTERVAL_MS = 30_000;
export const REPORT_TTL_MS: number = 3 * REPORT_INTERVAL_MS;
/** Workers that announced themselves. With the started ones this stays below what one heartbeat may list. */
export const REPORTED_WORKERS_MAX = 512;

/** What a worker said last, and when. */
export interface Told {
  readonly beat: WorkerHeartbeat;
  readonly heardAtMs: number;
  /** RFC 3339, by this machine's clock. */
  readonly heardAt: string;
  /** Of the process that said it; a later one has said nothing yet. */
  readonly pid?: number;
}

/** What workers say of themselves: those started here, and those that only announced themselves. */
export class ToldByWorkers {
  readonly #clock: Clock;
  readonly #managed = new Map<string, Told>();
  readonly #reported = new Map<string, Told>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a heartbeat of a worker that was started here. */
  hearManaged(beat: WorkerHeartbeat, pid: number): void {
    const known = this.managed(beat.worker_id, pid)?.beat;
    this.#managed.set(beat.worker_id, { ...this.#told({ ...known, ...beat }), pid });
  }

  /**
   * Takes a heartbeat of any other worker of this machine.
   *
   * @throws {HiveError} `WORKER_NOT_FOUND` when it is unknown and does not say its `url` and `state`;
   * `TOO_MANY_REQUESTS` when too many have announced themselves.
   */
  hearReported(beat: WorkerHeartbeat): void {
    const known = this.#reported.get(beat.worker_id)?.beat;
    if (known === undefined && (beat.url === undefined || beat.state === undefined)) {
      throw new HiveError(
        "WORKER_NOT_FOUND",
        `No worker ${beat.worker_id} is known here. To announce itself it sends its url and state too`,
      );
    }
    if (known === undefined && this.#reported.size >= REPORTED_WORKERS_MAX) {
      throw new HiveError(
        "TOO_MANY_REQUESTS",
        `${REPORTED_WORKERS_MAX} workers have announced themselves, the most there can be`,
      );
    }
    this.#reported.set(beat.worker_id, this.#told({ ...known, ...beat }));
  }

  /** What this process of a worker said, if anything. */
  managed(workerId: string, pid: number | undefined): Told | undefined {
    const told = this.#managed.get(workerId);
    return told?.pid === pid ? told : undefined;
  }

  reported(): Told[] {
    return [...this.#reported.values()];
  }

  isReported(workerId: string): boolean {
    return this.#reported.has(workerId);
  }

  forgetManaged(workerId: string): void {
    this.#managed.delete(workerId);
  }

  /** A worker of this id is started here now: it is no longer a stranger. */
  forgetReported(workerId: string): void {
    this.#reported.delete(workerId);
  }

  /** Drops those that have been quiet too long; answers their ids. */
  dropSilent(ttlMs: number = REPORT_TTL_MS): string[] {
    const silent = this.reported().filter(({ heardAtMs }) => this.#clock.nowMs() - heardAtMs >= ttlMs);
    for (const { beat } of silent) this.#reported.delete(beat.worker_id);
    return silent.map(({ beat }) => beat.worker_id);
  }

  #told(beat: WorkerHeartbeat): Told {
    return { beat, heardAtMs: this.#clock.nowMs(), heardAt: new Date(this.#clock.wallMs()).toISOString() };
  }
}
