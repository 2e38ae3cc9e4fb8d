import type { FleetEvent, Operation } from "@hive-registry/contract";
import type { HiveHeartbeatPayload, HiveRegistry, RegistryEvent, WorkerChange } from "hive-registry";
import type { EventLog } from "./event-log.ts";
import { inWords, several } from "./words.ts";

/** A hive's clock that is off by less is not worth an event: the time on the way is in it too. */
export const CLOCK_OFF_MS = 5_000;
/** Hives that went away and are remembered, so that their return can be told. */
const AWAY_MAX = 10_000;

const THAWED = {
  time: "Hives may be forgotten again: those that fell silent together did not come back in time",
  recovered: "Hives may be forgotten again: enough of those that fell silent together are back",
  operator: "Hives may be forgotten again: an operator said so",
} as const;

/** Turns what the registry tells into events for people, and knows what it does not tell: who came back, and who began anew. */
export class EventFeed {
  readonly #events: EventLog;
  readonly #nowMs: () => number;
  /** Of the hives that are there: their start. */
  readonly #boots: Map<string, string | undefined> = new Map();
  /** Of those that are not: since when. */
  readonly #away: Map<string, number> = new Map();
  /** Clocks that were told to be wrong: by how much. */
  readonly #skews: Map<string, number> = new Map();
  readonly #stops: readonly (() => void)[];

  constructor(deps: {
    readonly registry: Pick<HiveRegistry, "subscribe" | "onWorkerChange">;
    readonly events: EventLog;
    readonly nowMs: () => number;
  }) {
    this.#events = deps.events;
    this.#nowMs = deps.nowMs;
    this.#stops = [
      deps.registry.subscribe((event) => this.#changed(event), { heartbeats: false }),
      deps.registry.onWorkerChange((change) => this.#workerChanged(change)),
    ];
  }

  started(hives: number): void {
    const known = hives === 0 ? "her catalog is empty" : `${several(hives, "hive")} in her catalog`;
    const message = `The queen started, ${known}: she learns from their heartbeats who is there`;
    this.#events.add({ type: "queen.started", level: "info", message, details: { hives } });
  }

  /** A full heartbeat was taken, and was no goodbye. */
  heartbeat({ hive_id, boot_id, workers }: HiveHeartbeatPayload): void {
    const isKnown = this.#boots.has(hive_id);
    const before = this.#boots.get(hive_id);
    if (!isKnown || before !== boot_id) this.#boots.set(hive_id, boot_id);
    const wasAway = this.#returned(hive_id);
    if (!isKnown && !wasAway) {
      this.#events.add({
        ...{ type: "hive.seen", level: "info", hive_id },
        message: `${hive_id} is heard for the first time in this run of the queen, with ${several(workers.length, "worker")}`,
        details: { workers: workers.length },
      });
    }
    if (isKnown && before !== undefined && boot_id !== undefined && before !== boot_id) {
      const message = `${hive_id}'s agent started anew: what it reports from now on replaces what was known`;
      this.#events.add({ type: "hive.restarted", level: "info", hive_id, message });
    }
  }

  /** A lease was taken. */
  lease(hiveId: string): void {
    if (this.#away.size > 0) this.#returned(hiveId);
  }

  /** How far a hive's clock is ahead, ms. @param jumped it was set just now */
  clock(hive_id: string, skewMs: number, jumped = false): void {
    const told = this.#skews.get(hive_id);
    const isOff = Math.abs(skewMs) >= CLOCK_OFF_MS;
    if (!isOff) {
      if (!this.#skews.delete(hive_id)) return;
      this.#events.add({
        ...{ type: "hive.clock", level: "info", hive_id, message: `${hive_id}'s clock is right again` },
        details: { skew_ms: Math.round(skewMs) },
      });
      return;
    }
    if (told !== undefined && Math.abs(skewMs - told) < CLOCK_OFF_MS) return;
    this.#skews.set(hive_id, skewMs);
    const where = `${inWords(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}`;
    const what = jumped || told !== undefined ? "jumped and is now" : "is";
    this.#events.add({
      ...{ type: "hive.clock", level: "warning", hive_id, details: { skew_ms: Math.round(skewMs) } },
      message: `${hive_id}'s clock ${what} ${where}: it is served like any other, but the times in its logs are wrong`,
    });
  }

  operation(operation: Operation): void {
    const { operation_id, kind, hive_id, state, error, started_at_ms } = operation;
    const about = { hive_id, operation_id };
    if (state === "running") {
      this.#events.add({ type: "operation.started", level: "info", message: `${hive_id}: ${kind} began`, ...about });
      return;
    }
    const took = inWords(this.#nowMs() - started_at_ms);
    const why = error === undefined ? "" : `: ${error.message}`;
    const details = { kind, state, ...(error === undefined ? {} : { code: error.code }) };
    const end: Pick<FleetEvent, "level" | "message"> =
      state === "succeeded"
        ? { level: "info", message: `${hive_id}: ${kind} succeeded in ${took}` }
        : state === "failed"
          ? { level: "error", message: `${hive_id}: ${kind} failed after ${took}${why}` }
          : { level: "warning", message: `${hive_id}: ${kind} ended unfinished (${state})${why}` };
    this.#events.add({ type: "operation.ended", ...end, ...about, details });
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** @returns whether it was away. */
  #returned(hive_id: string): boolean {
    const sinceMs = this.#away.get(hive_id);
    if (sinceMs === undefined) return false;
    this.#away.delete(hive_id);
    const away_ms = Math.round(this.#nowMs() - sinceMs);
    const message = `${hive_id} is heard again after ${inWords(away_ms)}, and gets work again`;
    this.#events.add({ type: "hive.back", level: "info", hive_id, message, details: { away_ms } });
    return true;
  }

  #left(hiveId: string, atMs: number): void {
    if (this.#away.has(hiveId)) return;
    const [oldest] = this.#away.keys();
    if (this.#away.size >= AWAY_MAX && oldest !== undefined) this.#away.delete(oldest);
    this.#away.set(hiveId, atMs);
  }

  #changed(event: RegistryEvent): void {
    const { type, at_ms } = event;
    switch (type) {
      case "hive.suspect": {
        this.#left(event.hive_id, at_ms);
        const { hive_id, reason } = event;
        const what = reason === "closed" ? "'s connection closed" : " has not been heard for two intervals and a half";
        const message = `${hive_id}${what}: it gets no new work until it is heard again`;
        this.#events.add({ type, level: "warning", at_ms, hive_id, message, details: { reason } });
        return;
      }
      case "hive.silent": {
        this.#left(event.hive_id, at_ms);
        const { hive_id, reason } = event;
        const isGoodbye = reason === "goodbye";
        const message = isGoodbye
          ? `${hive_id} said goodbye: its agent stopped in good order, and its workers get no more work`
          : `${hive_id} fell silent: it counts as offline, and is forgotten if it stays so`;
        const level = isGoodbye ? "info" : "warning";
        this.#events.add({ type, level, at_ms, hive_id, message, details: { reason } });
        return;
      }
      case "hive.evicted": {
        const { hive_id, silent_ms } = event;
        this.#gone(hive_id);
        this.#left(hive_id, at_ms - silent_ms);
        const message = `${hive_id} was silent for ${inWords(silent_ms)} and is forgotten, with all its workers, until it is heard again`;
        this.#events.add({ type, level: "error", at_ms, hive_id, message, details: { silent_ms } });
        return;
      }
      case "hive.removed": {
        const { hive_id } = event;
        this.#gone(hive_id);
        this.#away.delete(hive_id);
        const message = `${hive_id} was taken out of the registry on request; if it still beats, it comes back`;
        this.#events.add({ type, level: "info", at_ms, hive_id, message });
        return;
      }
      case "hive.flapping": {
        const { hive_id, flapping } = event;
        const message = flapping
          ? `${hive_id} falls silent and comes back again and again: its workers are chosen last until that is over`
          : `${hive_id} is steady again: its workers are chosen like any others`;
        const level = flapping ? "warning" : "info";
        this.#events.add({ type, level, at_ms, hive_id, message, details: { flapping } });
        return;
      }
      case "hive.clock":
        this.clock(event.hive_id, event.to_ms, true);
        return;
      case "fleet.frozen": {
        const { silent, total, until_ms } = event;
        const most = `${silent} of ${total} hives fell silent together: perhaps it is the queen who is cut off`;
        const message = `${most}. None is forgotten for ${inWords(until_ms - at_ms)}, unless they come back or you say so`;
        this.#events.add({ type, level: "error", at_ms, message, details: { silent, total, until_ms } });
        return;
      }
      case "fleet.thawed": {
        const { reason } = event;
        this.#events.add({ type, level: "info", at_ms, message: THAWED[reason], details: { reason } });
        return;
      }
      case "fleet.stalled": {
        const { stall_ms, grace_until_ms } = event;
        const graceMs = grace_until_ms - at_ms;
        const message = `The queen stood still for ${inWords(stall_ms)}: nobody counts as quiet for the next ${inWords(graceMs)}`;
        const details = { stall_ms, grace_until_ms };
        this.#events.add({ type: "queen.stalled", level: "warning", at_ms, message, details });
      }
    }
  }

  #gone(hiveId: string): void {
    this.#boots.delete(hiveId);
    this.#skews.delete(hiveId);
  }

  /**
   * Workers that come or go with their hive are told with it. That they are busy and idle again is what they are for, and no event.
   */
  #workerChanged(change: WorkerChange): void {
    // Thousands a second in a large fleet.
    if (change.kind === "state" && change.from !== "Loading" && change.to !== "Loading") return;
    const { hive_id, worker_id, model_id, at_ms } = change;
    if (!this.#boots.has(hive_id)) return;
    const model = model_id === undefined ? {} : { model: model_id };
    const about = { hive_id, worker_id, at_ms, ...model };
    const who = `Worker ${worker_id} on ${hive_id}`;
    const having = model_id === undefined ? "" : ` with ${model_id}`;
    switch (change.kind) {
      case "added": {
        const { state } = change;
        const message = state === "Loading" ? `${who} is loading${having}` : `${who} is there${having}`;
        this.#events.add({ type: "worker.added", level: "info", message, ...about, details: { state } });
        return;
      }
      case "removed":
        if (change.reason === "hive") return;
        this.#events.add({ type: "worker.removed", level: "info", message: `${who} is gone${having}`, ...about });
        return;
      case "state": {
        const { from, to } = change;
        const message = to === "Loading" ? `${who} is loading${having}` : `${who} is ready${having}`;
        this.#events.add({ type: "worker.state", level: "info", message, ...about, details: { from, to } });
        return;
      }
      case "failed": {
        const forMs = change.until_ms - at_ms;
        const message = `${who} failed a request${having}: it gets none for ${inWords(forMs)}, then one to try`;
        this.#events.add({ type: "worker.failed", level: "warning", message, ...about, details: { for_ms: forMs } });
        return;
      }
      case "recovered":
        this.#events.add({ type: "worker.recovered", level: "info", message: `${who} works again${having}`, ...about });
    }
  }
}
