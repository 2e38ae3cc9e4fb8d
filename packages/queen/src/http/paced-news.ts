import type { RegistryEvent } from "hive-registry";
import type { HeardLease } from "../core/queen.ts";
import type { HiveTexts } from "./paced-texts.ts";

/** A hive of which everything is to be told. */
const WHOLE = "whole";
type News = HeardLease | typeof WHOLE;

/**
 * What one reader does not know yet: of each hive that it is there, changed, or fell quiet, and no more than the latest of it.
 * So however long nobody reads, this is no larger than the fleet.
 */
export class PacedNews {
  readonly #texts: HiveTexts;
  /** Hives that the reader knows of. */
  readonly #told: Set<string> = new Set();
  /** Of those, the ones that it believes not to be alive. */
  readonly #ailing: Set<string> = new Set();
  /** What cannot wait its turn, the latest of each kind, in order. */
  readonly #urgent: Map<string, RegistryEvent> = new Map();
  /** Hives that came back, before the others. */
  readonly #returned: Map<string, News> = new Map();
  /** First come, first told: a hive that is heard again keeps its place. */
  readonly #heard: Map<string, News> = new Map();
  #revision = 0;

  constructor(texts: HiveTexts) {
    this.#texts = texts;
  }

  /** Changes and hives that wait. */
  get size(): number {
    return this.#urgent.size + this.#returned.size + this.#heard.size;
  }

  /** The reader knows this hive, by its snapshot. */
  told(hiveId: string, alive: boolean): void {
    this.#told.add(hiveId);
    if (alive) this.#ailing.delete(hiveId);
    else this.#ailing.add(hiveId);
  }

  /** @param lease when it said no more than that it is alive. */
  heard(hiveId: string, lease?: HeardLease): void {
    if (lease === undefined) this.#texts.drop(hiveId);
    const news = lease !== undefined && this.#told.has(hiveId) ? lease : WHOLE;
    if (this.#ailing.delete(hiveId)) {
      const waiting = this.#heard.get(hiveId);
      this.#heard.delete(hiveId);
      this.#returned.set(hiveId, waiting === WHOLE ? WHOLE : news);
      return;
    }
    const waiting = this.#returned.has(hiveId) ? this.#returned : this.#heard;
    if (waiting.get(hiveId) !== WHOLE) waiting.set(hiveId, news);
  }

  /** Anything but a heartbeat. */
  happened(event: RegistryEvent): void {
    if (!("hive_id" in event)) {
      this.#put(event.type, event);
      return;
    }
    const { hive_id, type } = event;
    this.#texts.drop(hive_id);
    if (type === "hive.labelled") {
      this.#put(`labels of ${hive_id}`, event);
      return;
    }
    const knows = this.#told.has(hive_id);
    if (type === "hive.removed" || type === "hive.evicted") {
      this.#forget(hive_id);
      if (knows) this.#put(`status of ${hive_id}`, event);
    } else if (!knows) {
      this.#heard.set(hive_id, WHOLE);
    } else if (type === "hive.suspect" || type === "hive.silent") {
      this.#quiet(hive_id);
      this.#put(`status of ${hive_id}`, event);
    } else {
      this.#put(`${type} of ${hive_id}`, event);
    }
  }

  /** A change that cannot wait, as it goes over the wire; undefined when there is none. */
  takeUrgent(): string | undefined {
    for (const [key, event] of this.#urgent) {
      this.#urgent.delete(key);
      return `event: change\ndata: ${JSON.stringify({ ...event, revision: ++this.#revision })}\n\n`;
    }
    return undefined;
  }

  /** Of at most `max` hives the latest, as it goes over the wire. */
  takeHives(max: number, nowMs: number): string {
    let text = "";
    for (let left = max; left > 0; left--) {
      const waiting = this.#returned.size > 0 ? this.#returned : this.#heard;
      const first = waiting.entries().next();
      if (first.done === true) break;
      const [hiveId, news] = first.value;
      waiting.delete(hiveId);
      text += this.#write(hiveId, news, nowMs);
    }
    return text;
  }

  #write(hiveId: string, news: News, nowMs: number): string {
    if (news !== WHOLE) {
      const lease = { type: "hive.lease", revision: ++this.#revision, at_ms: nowMs, hive_id: hiveId, ...news };
      return `event: change\ndata: ${JSON.stringify(lease)}\n\n`;
    }
    const hive = this.#texts.of(hiveId);
    if (hive === undefined) return "";
    this.told(hiveId, hive.alive);
    return `event: change\ndata: {"type":"hive.heartbeat","revision":${++this.#revision},"at_ms":${nowMs},${hive.text}`;
  }

  /** The later place is the right one: what came between may have made it so. */
  #put(key: string, event: RegistryEvent): void {
    this.#urgent.delete(key);
    this.#urgent.set(key, event);
  }

  /** A lease that was not told yet would say the opposite. */
  #quiet(hiveId: string): void {
    this.#ailing.add(hiveId);
    const returned = this.#returned.get(hiveId);
    this.#returned.delete(hiveId);
    if (returned === WHOLE) this.#heard.set(hiveId, WHOLE);
    if (this.#heard.get(hiveId) !== WHOLE) this.#heard.delete(hiveId);
  }

  #forget(hiveId: string): void {
    this.#told.delete(hiveId);
    this.#ailing.delete(hiveId);
    this.#returned.delete(hiveId);
    this.#heard.delete(hiveId);
  }
}
