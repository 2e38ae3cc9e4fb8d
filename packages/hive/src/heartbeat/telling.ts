import { HEARTBEAT_BYTES_MAX, type HiveHeartbeatPayload, type HiveLease } from "@hive-registry/contract";
import { hasChanged, isUrgent, type Report } from "./changes.ts";
import { FULL_EVERY } from "./interval.ts";

export interface TellingDeps {
  /** What there is to tell now. */
  readonly report: () => Report;
  /** The next number of this boot. */
  readonly nextSeq: () => number;
  /** Ms since epoch. */
  readonly wallMs: () => number;
}

/** What one queen was told last, and so what to tell her next: everything, or only that nothing changed. */
export class Telling {
  readonly #deps: TellingDeps;
  readonly #who: { readonly hive_id: string; readonly boot_id: string };
  #lastFull: Report | undefined;
  #leasesSinceFull = 0;

  constructor(deps: TellingDeps, who: { readonly hive_id: string; readonly boot_id: string }) {
    this.#deps = deps;
    this.#who = who;
  }

  /** Whether she was told something that meanwhile changed so that it cannot wait for the next beat. */
  hasUrgentNews(): boolean {
    return this.#lastFull !== undefined && isUrgent(this.#lastFull.workers, this.#deps.report().workers);
  }

  /**
   * She does not know what she was told: the next message tells everything.
   *
   * @returns whether the last message was only a lease, so that telling everything at once makes sense.
   */
  forget(): boolean {
    this.#lastFull = undefined;
    return this.#leasesSinceFull > 0;
  }

  /** The next message. */
  next(interval_ms: number): string {
    const last = this.#lastFull;
    const isFullDue =
      last === undefined || this.#leasesSinceFull + 1 >= FULL_EVERY || hasChanged(last, this.#deps.report());
    return isFullDue ? this.everything(interval_ms) : this.#lease();
  }

  /** A full heartbeat. */
  everything(interval_ms: number, { goodbye = false }: { readonly goodbye?: boolean } = {}): string {
    const report = this.#deps.report();
    this.#lastFull = report;
    this.#leasesSinceFull = 0;
    return withinBytes({
      ...report,
      timestamp: new Date(this.#deps.wallMs()).toISOString(),
      boot_id: this.#who.boot_id,
      seq: this.#deps.nextSeq(),
      interval_ms,
      ...(goodbye && { goodbye }),
    });
  }

  #lease(): string {
    this.#leasesSinceFull++;
    const lease: HiveLease = { ...this.#who, seq: this.#deps.nextSeq() };
    return JSON.stringify(lease);
  }
}

/**
 * A queen refuses a heartbeat that is too large, and with it the whole machine. So what local programs say of themselves must
 * not make it so: first the lists of models go, then the last workers.
 */
export function withinBytes(payload: HiveHeartbeatPayload, bytesMax: number = HEARTBEAT_BYTES_MAX): string {
  const fits = (text: string): boolean => Buffer.byteLength(text) <= bytesMax;
  const whole = JSON.stringify(payload);
  if (fits(whole)) return whole;
  let workers = payload.workers.map(({ models: _left, ...worker }) => worker);
  let text = JSON.stringify({ ...payload, workers });
  while (!fits(text) && workers.length > 0) {
    workers = workers.slice(0, Math.floor(workers.length * 0.8));
    text = JSON.stringify({ ...payload, workers });
  }
  return text;
}
