import {
  DEFAULT_LIMITS,
  type HiveRegistry,
  type RegistryEvent,
  type RegistrySnapshot,
  RevisionGapError,
} from "hive-registry";
import type { Replica } from "../follow.ts";

/** A queen that started again has not heard of everybody yet: whom it does not name keeps its place for so long. */
export const UNHEARD_KEPT_MS: number = DEFAULT_LIMITS.silentAfterMs;

/**
 * A queen's registry, taken over into one that somebody reserves from:
 *
 * - Times are told by this machine's clock, so that what is reserved here and what workers report can be compared, however
 *   wrong the queen's clock is.
 * - A snapshot that is not the first is taken as changes: what is reserved stays reserved, and a queen that started again
 *   with an empty memory takes nobody's workers away.
 * - Nobody ages by himself: who is alive is the queen's word, also while she is not heard.
 */
export class Mirror implements Replica {
  readonly #registry: HiveRegistry;
  readonly #now: () => number;
  readonly #onChange: () => void;
  readonly #keptMs: number;
  /** Hives that the last snapshot did not name, and that were not heard of since. */
  readonly #unheard: Set<string> = new Set();
  #forgetting: ReturnType<typeof setTimeout> | undefined;
  #revision: number | undefined;
  /** The queen's clock minus ours, as of the last snapshot. */
  #skewMs = 0;

  /**
   * @param deps.now the registry's own clock
   * @param deps.onChange told after each change and each snapshot
   */
  constructor(
    deps: { readonly registry: HiveRegistry; readonly now: () => number; readonly onChange?: () => void },
    options: { readonly keptMs?: number } = {},
  ) {
    this.#registry = deps.registry;
    this.#now = deps.now;
    this.#onChange = deps.onChange ?? (() => undefined);
    this.#keptMs = options.keptMs ?? UNHEARD_KEPT_MS;
  }

  /** @throws {RevisionGapError} when a change is missing in between. */
  apply(change: RegistrySnapshot | RegistryEvent): void {
    if (change.type === "snapshot") this.#takeSnapshot(change);
    else if (!this.#takeChange(change)) return;
    this.#onChange();
  }

  /** The queen is not heard any more: nothing that she did not say is forgotten meanwhile. */
  pause(): void {
    clearTimeout(this.#forgetting);
    this.#forgetting = undefined;
  }

  /** The queen is heard again. */
  resume(): void {
    if (this.#unheard.size === 0 || this.#forgetting !== undefined) return;
    this.#forgetting = setTimeout(() => this.#forgetUnheard(), this.#keptMs);
  }

  #takeSnapshot(snapshot: RegistrySnapshot): void {
    this.#skewMs = snapshot.at_ms - this.#now();
    const isFirst = this.#revision === undefined;
    this.#revision = snapshot.revision;
    if (isFirst) {
      const hives = snapshot.hives.map((hive) => ({ ...hive, report: this.#inOurTime(hive.report) }));
      const { frozen_until_ms: frozenMs } = snapshot;
      const frozen = frozenMs === undefined ? undefined : { frozen_until_ms: frozenMs - this.#skewMs };
      this.#registry.apply({ ...snapshot, ...frozen, at_ms: this.#now(), hives });
      return;
    }
    this.#takeFreeze(snapshot);
    const missing = new Set(this.#registry.listAllHives());
    for (const { report, workers, status } of snapshot.hives) {
      const { hive_id } = report;
      missing.delete(hive_id);
      this.#append({ type: "hive.heartbeat", hive_id, report: this.#inOurTime(report), workers, status });
      // Silent so soon can only be one that said goodbye, and a heartbeat alone does not tell that.
      const leftLately = status === "silent" && snapshot.at_ms - report.received_at_ms < DEFAULT_LIMITS.silentAfterMs;
      if (leftLately) this.#append({ type: "hive.silent", hive_id, reason: "goodbye" });
    }
    this.#unheard.clear();
    this.pause();
    for (const hive_id of missing) {
      if (this.#registry.getHiveState(hive_id)?.status === "silent") this.#append({ type: "hive.removed", hive_id });
      else this.#unheard.add(hive_id);
    }
    this.resume();
  }

  #takeFreeze({ frozen_until_ms: untilMs, hives }: RegistrySnapshot): void {
    if (untilMs !== undefined) {
      const silent = hives.filter(({ status }) => status === "silent").length;
      this.#append({ type: "fleet.frozen", until_ms: untilMs - this.#skewMs, silent, total: hives.length });
    } else if (this.#registry.stats().liveness.frozen_until_ms !== undefined) {
      this.#append({ type: "fleet.thawed", reason: "time" });
    }
  }

  /** @returns false when it was known already. */
  #takeChange(change: RegistryEvent): boolean {
    const known = this.#revision ?? 0;
    if (change.revision <= known) return false;
    if ((change.follows ?? change.revision - 1) > known) throw new RevisionGapError(known + 1, change.revision);
    if ("hive_id" in change) this.#unheard.delete(change.hive_id);
    this.#append(this.#changeInOurTime(change));
    this.#revision = change.revision;
    return true;
  }

  #forgetUnheard(): void {
    this.#forgetting = undefined;
    for (const hive_id of this.#unheard) this.#append({ type: "hive.removed", hive_id });
    this.#unheard.clear();
    this.#onChange();
  }

  #changeInOurTime(change: RegistryEvent): Change {
    const { revision: _revision, at_ms: _atMs, follows: _follows, ...rest } = change;
    if (rest.type === "hive.heartbeat") return { ...rest, report: this.#inOurTime(rest.report) };
    if (rest.type === "hive.lease") return { ...rest, received_at_ms: rest.received_at_ms - this.#skewMs };
    if (rest.type === "fleet.frozen") return { ...rest, until_ms: rest.until_ms - this.#skewMs };
    if (rest.type === "fleet.stalled") return { ...rest, grace_until_ms: rest.grace_until_ms - this.#skewMs };
    return rest;
  }

  #inOurTime<Report extends { readonly received_at_ms: number }>(report: Report): Report {
    return { ...report, received_at_ms: report.received_at_ms - this.#skewMs };
  }

  /** Numbered as the registry's own next change: its numbers go on where a restarted queen's begin anew. */
  #append(change: Change): void {
    const event = { ...change, revision: this.#registry.revision + 1, at_ms: this.#now() };
    this.#registry.apply(event as RegistryEvent);
  }
}

/** A change before it has its number. */
type Change = RegistryEvent extends infer Event
  ? Event extends RegistryEvent
    ? Omit<Event, "revision" | "at_ms" | "follows">
    : never
  : never;
