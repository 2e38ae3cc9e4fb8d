import { DeadlineHeap, type Due } from "../indexes/deadline-heap.ts";

/** How long a worker that failed gets no new request. */
export interface BreakerLimits {
  /** After the first failure, ms; each further one doubles it. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
}

export const DEFAULT_BREAKER_LIMITS: BreakerLimits = { firstPauseMs: 1_000, maxPauseMs: 60_000 };

interface Entry extends Due {
  readonly row: number;
  failedAtMs: number;
  pauseMs: number;
  untilMs: number;
  pausing: boolean;
  /** The one request that was let through to see whether it works again, and when. */
  probe: string | undefined;
  triedAtMs: number;
}

/**
 * Workers that failed, and when each may be tried again. The first failure sets a worker aside for a second; then exactly
 * one request is let through. When that ends well the worker is as good as any; when it fails, the next pause is twice as
 * long, up to a minute. A worker that answers every request with an error at once would else always look idle.
 *
 * What was sent before the failure and fails too says the same thing again and counts for nothing. What was sent before
 * and ends well counts once the pause is over: it is newer news than the failure.
 */
export class Breaker {
  readonly #limits: BreakerLimits;
  readonly #entries: Map<number, Entry> = new Map();
  readonly #due: DeadlineHeap<Entry> = new DeadlineHeap();

  constructor(limits: BreakerLimits) {
    this.#limits = limits;
  }

  /** Workers that failed and did not show since that they work. */
  get size(): number {
    return this.#entries.size;
  }

  /** It gets no request now: its pause is not over, or another one tries it. */
  isAside(row: number): boolean {
    const entry = this.#entries.get(row);
    return entry !== undefined && (entry.pausing || entry.probe !== undefined);
  }

  /** When its pause ends or ended, ms; undefined for one that is as good as any. */
  untilMs(row: number): number | undefined {
    return this.#entries.get(row)?.untilMs;
  }

  /**
   * Whether it may be tried where nobody else is left: once the shortest pause has passed since it failed, though its own
   * is longer, or since another request was let through that did not fail so far.
   */
  isLastResort(row: number, nowMs: number): boolean {
    const entry = this.#entries.get(row);
    if (entry === undefined) return false;
    const sinceMs = entry.probe === undefined ? entry.failedAtMs : entry.triedAtMs;
    return nowMs - sinceMs >= this.#limits.firstPauseMs;
  }

  /** A request was given to it: while it is in doubt, that is the one that tries it. */
  given(row: number, reservationId: string, nowMs: number): void {
    const entry = this.#entries.get(row);
    if (entry === undefined) return;
    entry.probe = reservationId;
    entry.triedAtMs = nowMs;
    entry.pausing = false;
    this.#due.schedule(entry, nowMs + this.#limits.firstPauseMs, true);
  }

  failed(row: number, reservationId: string, nowMs: number): void {
    const known = this.#entries.get(row);
    if (known === undefined) {
      const pauseMs = this.#limits.firstPauseMs;
      const entry: Entry = {
        ...{ row, failedAtMs: nowMs, pauseMs, untilMs: nowMs + pauseMs, pausing: true },
        ...{ probe: undefined, triedAtMs: nowMs },
        ...{ checkAtMs: Number.POSITIVE_INFINITY, deadlinePosition: -1 },
      };
      this.#entries.set(row, entry);
      this.#schedule(entry);
      return;
    }
    if (known.probe !== reservationId) return;
    known.probe = undefined;
    known.pausing = true;
    known.failedAtMs = nowMs;
    known.pauseMs = Math.min(this.#limits.maxPauseMs, known.pauseMs * 2);
    known.untilMs = nowMs + known.pauseMs;
    this.#schedule(known);
  }

  succeeded(row: number, reservationId: string, nowMs: number): void {
    const entry = this.#entries.get(row);
    if (entry === undefined) return;
    if (entry.probe === reservationId || !entry.pausing || nowMs >= entry.untilMs) this.forget(row);
  }

  /** The request ended before it could tell: another one may try. */
  cancelled(row: number, reservationId: string): void {
    const entry = this.#entries.get(row);
    if (entry?.probe === reservationId) entry.probe = undefined;
  }

  /** It is another worker now, or was started anew. @returns whether it had been in doubt. */
  forget(row: number): boolean {
    const entry = this.#entries.get(row);
    if (entry === undefined) return false;
    this.#due.remove(entry);
    return this.#entries.delete(row);
  }

  /** When somebody may be tried next, ms; `Infinity` when nobody waits for that. */
  get nextMs(): number {
    return this.#due.firstMs;
  }

  /** A worker that may be tried from now on: as the last resort, or by anybody. -1 when there is none, or no more. */
  nextDue(nowMs: number): number {
    const entry = this.#due.due(nowMs);
    if (entry === undefined) return -1;
    if (nowMs >= entry.untilMs) entry.pausing = false;
    if (entry.pausing) this.#due.schedule(entry, entry.untilMs, true);
    else this.#due.remove(entry);
    return entry.row;
  }

  #schedule(entry: Entry): void {
    this.#due.schedule(entry, Math.min(entry.failedAtMs + this.#limits.firstPauseMs, entry.untilMs), true);
  }
}
