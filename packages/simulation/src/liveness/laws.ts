import type { RegistryEvent } from "hive-registry";
import { EVICT_AFTER_MS, FREEZE_MAX_MS, SILENT_AFTER_MS, STEP_MS } from "./scale.ts";

/** What must be so in every world, and the name by which a broken law is told. */
export const LAWS = {
  evicted: "no hive is evicted while its beats arrive inside the window",
  silent: "no hive is called silent while its beats arrive inside the window",
  cap: "never more evictions than the cap",
  frozen: "nobody is evicted while evictions are frozen",
  boot: "an old boot never comes back",
  alive: "after the trouble everything that lives is alive within two intervals",
  thaw: "a freeze always ends",
} as const;
export type Law = keyof typeof LAWS;

const CAP_SHARE = 0.15;

/** A judge who knows what really happened, and keeps accounts of his own in the plainest way. */
export class Judge {
  /** The first time that each law was broken, in words. */
  readonly broken: Map<Law, string> = new Map();
  readonly counts: { evictions: number; freezes: number; stalls: number; oldBoots: number; falls: number } = {
    ...{ evictions: 0, freezes: 0, stalls: 0, oldBoots: 0, falls: 0 },
  };
  /** When the last beat of each hive reached the queen's machine, read or not. */
  readonly #arrivedMs: Float64Array;
  readonly #hiveCount: () => number;
  #windowFromMs = Number.NEGATIVE_INFINITY;
  #windowMax = 0;
  #windowEvicted = 0;
  #frozenFromMs: number | undefined = undefined;

  constructor(hives: number, hiveCount: () => number) {
    this.#arrivedMs = new Float64Array(hives).fill(Number.NEGATIVE_INFINITY);
    this.#hiveCount = hiveCount;
  }

  arrived(hive: number, nowMs: number): void {
    this.#arrivedMs[hive] = nowMs;
  }

  hear(event: RegistryEvent, nowMs: number): void {
    switch (event.type) {
      case "hive.evicted":
        this.#evicted(Number(event.hive_id), nowMs);
        return;
      case "hive.silent": {
        if (event.reason !== "quiet") return;
        this.counts.falls++;
        const agoMs = nowMs - (this.#arrivedMs[Number(event.hive_id)] as number);
        if (agoMs < SILENT_AFTER_MS)
          this.rule("silent", `${event.hive_id}, a beat of which came ${agoMs} ms ago`, nowMs);
        return;
      }
      case "fleet.frozen":
        this.counts.freezes++;
        this.#frozenFromMs = nowMs;
        return;
      case "fleet.thawed":
        this.#frozenFromMs = undefined;
        return;
      case "fleet.stalled":
        this.counts.stalls++;
    }
  }

  /** @param pausedMs the queen cannot end a freeze while it stands still. */
  look(nowMs: number, pausedMs: number): void {
    if (this.#frozenFromMs === undefined) return;
    const frozenMs = nowMs - this.#frozenFromMs;
    if (frozenMs > FREEZE_MAX_MS + STEP_MS + pausedMs) this.rule("thaw", `frozen for ${frozenMs} ms`, nowMs);
  }

  rule(law: Law, what: string, nowMs: number): void {
    if (!this.broken.has(law)) this.broken.set(law, `${LAWS[law]}: ${what}, at ${nowMs} ms`);
  }

  #evicted(hive: number, nowMs: number): void {
    this.counts.evictions++;
    const agoMs = nowMs - (this.#arrivedMs[hive] as number);
    if (agoMs < EVICT_AFTER_MS) this.rule("evicted", `${hive}, a beat of which came ${agoMs} ms ago`, nowMs);
    if (this.#frozenFromMs !== undefined) this.rule("frozen", `${hive}`, nowMs);
    if (nowMs - this.#windowFromMs >= SILENT_AFTER_MS) {
      this.#windowFromMs = nowMs;
      this.#windowMax = Math.max(1, Math.floor(CAP_SHARE * (this.#hiveCount() + 1)));
      this.#windowEvicted = 0;
    }
    this.#windowEvicted++;
    if (this.#windowEvicted > this.#windowMax) {
      this.rule("cap", `${this.#windowEvicted} evicted of at most ${this.#windowMax}`, nowMs);
    }
  }
}
