import { randomBytes } from "node:crypto";
import {
  EVENT_LEVELS,
  EVENTS_PAGE_DEFAULT,
  type EventList,
  type EventsQuery,
  type FleetEvent,
} from "@hive-registry/contract";
import type { Clock } from "../core/clock.ts";

/** Events that are kept. */
export const EVENTS_MAX = 10_000;
/** Within one second, of one hive. */
export const HIVE_EVENTS_A_SECOND_MAX = 20;
/** Within one second, of one type, whatever hives they are of: thousands come back at once when a queen starts. */
export const TYPE_EVENTS_A_SECOND_MAX = 100;
const SECOND_MS = 1_000;

/** What happened, before it has its number. */
export type NewEvent = Omit<FleetEvent, "id" | "at_ms"> & { readonly at_ms?: number };

/**
 * What happened, in order: the newest {@link EVENTS_MAX}, numbered without gaps. Of what one hive does, or all hives do alike, more than
 * some events within a second are only counted; when the second is over, one event says how many.
 */
export class EventLog {
  /** Tells this run of the queen from others: numbers begin anew with each. */
  readonly runId: string = randomBytes(6).toString("hex");
  readonly #nowMs: () => number;
  readonly #max: number;
  readonly #ring: FleetEvent[] = [];
  readonly #listeners: Set<() => void> = new Set();
  readonly #stopTimer: () => void;
  /** This second's, by hive and by type. */
  readonly #told: Map<string, { count: number; last: NewEvent }> = new Map();
  #last = 0;

  constructor(deps: { readonly clock: Pick<Clock, "nowMs" | "every"> }, options: { readonly max?: number } = {}) {
    this.#nowMs = deps.clock.nowMs;
    this.#max = options.max ?? EVENTS_MAX;
    this.#stopTimer = deps.clock.every(SECOND_MS, () => this.#endSecond());
  }

  /** Number of the newest. */
  get last(): number {
    return this.#last;
  }

  /** Those of this run that are no longer kept. */
  get forgotten(): number {
    return Math.max(0, this.#last - this.#max);
  }

  add(event: NewEvent): void {
    const { hive_id, type } = event;
    const ofHive = hive_id === undefined || this.#admits(`hive ${hive_id}`, event, HIVE_EVENTS_A_SECOND_MAX);
    if (ofHive && this.#admits(type, event, TYPE_EVENTS_A_SECOND_MAX)) this.#append(event);
  }

  /** Undefined when it is not kept, or has not happened. */
  at(id: number): FleetEvent | undefined {
    const event = this.#ring[id % this.#max];
    return event?.id === id ? event : undefined;
  }

  /** Newest last. Without `after` the newest that fit, else the first ones after it. */
  list(query: EventsQuery): EventList {
    const limit = query.limit ?? EVENTS_PAGE_DEFAULT;
    const fits = eventFilter(query);
    const events: FleetEvent[] = [];
    const { after } = query;
    const first = this.forgotten + 1;
    if (after === undefined) {
      for (let id = this.#last; id >= first && events.length < limit; id--) take(this.at(id));
      events.reverse();
    } else {
      for (let id = Math.max(after + 1, first); id <= this.#last && events.length < limit; id++) take(this.at(id));
    }
    return { run_id: this.runId, events, forgotten: this.forgotten };

    function take(event: FleetEvent | undefined): void {
      if (event !== undefined && fits(event)) events.push(event);
    }
  }

  /** Calls the listener after each event. @returns the function that ends it. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stopTimer();
  }

  #admits(key: string, event: NewEvent, max: number): boolean {
    const told = this.#told.get(key);
    if (told === undefined) {
      this.#told.set(key, { count: 1, last: event });
      return true;
    }
    told.count++;
    told.last = event;
    return told.count <= max;
  }

  #endSecond(): void {
    if (this.#told.size === 0) return;
    const all = [...this.#told];
    this.#told.clear();
    for (const [key, { count, last }] of all) {
      const isHive = key.startsWith("hive ");
      const left_out = count - (isHive ? HIVE_EVENTS_A_SECOND_MAX : TYPE_EVENTS_A_SECOND_MAX);
      if (left_out <= 0) continue;
      const { type, level, hive_id } = last;
      const message = isHive
        ? `${hive_id}: ${left_out} more events within one second were left out`
        : `${left_out} more events of the kind ${type} within one second were left out`;
      const who = isHive && hive_id !== undefined ? { hive_id } : {};
      this.#append({ type, level, message, ...who, details: { left_out } });
    }
  }

  #append(event: NewEvent): void {
    const id = ++this.#last;
    const { at_ms = this.#nowMs(), ...rest } = event;
    this.#ring[id % this.#max] = Object.freeze({ id, at_ms: Math.round(at_ms), ...rest });
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Whether an event is one of those that were asked for. */
export function eventFilter(query: EventsQuery): (event: FleetEvent) => boolean {
  const { type, level, hive_id, worker_id } = query;
  const least = level === undefined ? 0 : EVENT_LEVELS.indexOf(level);
  return (event) =>
    (type === undefined || event.type === type || event.type.startsWith(`${type}.`)) &&
    EVENT_LEVELS.indexOf(event.level) >= least &&
    (hive_id === undefined || event.hive_id === hive_id) &&
    (worker_id === undefined || event.worker_id === worker_id);
}
