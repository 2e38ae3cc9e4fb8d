import { HiveError, type LibraryModel } from "@hive-registry/contract";
import { type HiveHeartbeatPayload, type HiveRegistry, type ModelAliases, ModelNames } from "hive-registry";
import type { Clock } from "../core/clock.ts";
import type { HiveCalls } from "./hive-calls.ts";

/** Hives that are asked at the same time. */
const ASKED_AT_ONCE_MAX = 8;
/** Hives that wait to be asked; of more the latest are passed over until somebody misses a model. */
const WAITING_MAX = 10_000;
/** Entries of all libraries together. */
const ENTRIES_MAX = 200_000;
/** Who misses a model has libraries asked again that were asked longer ago than this, ms. */
const LOOK_AGAIN_MS = 2_000;
/** Hives that the log names because they could not be asked. */
const UNREACHED_TOLD_MAX = 100;
/** Hives that one such look asks, those asked longest ago first. */
const LOOKED_AT_MAX = 256;
/** Longest time that one look is waited for, ms. */
const LOOK_WITHIN_MS = 2_000;

interface Hive {
  readonly hive_id: string;
  readonly url: string;
  readonly boot_id: string | undefined;
  /** Undefined until it answered for itself. */
  models: readonly LibraryModel[] | undefined;
  /** Why it could not be asked. */
  error: HiveError | undefined;
  askedAtMs: number;
  asking: Promise<void> | undefined;
}

/** A model that hives could start: who has its file. */
export interface Startable {
  readonly model: string;
  readonly hives: ReadonlyMap<string, LibraryModel>;
}

/**
 * Which models lie on which hive's disk. A hive is asked when it is first heard, when it was started anew, and when somebody
 * asks for a model that nobody has. What answers for another hive than was meant is not believed.
 */
export class Libraries {
  readonly #deps: LibrariesDeps;
  readonly #hives: Map<string, Hive> = new Map();
  readonly #models: ModelNames<Startable & { readonly hives: Map<string, LibraryModel> }> = new ModelNames();
  readonly #waiting: Set<string> = new Set();
  readonly #stop: () => void;
  #entries = 0;
  #unreached = 0;
  #asking = 0;
  #look: Promise<void> | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: LibrariesDeps, aliases: ModelAliases = {}) {
    this.#deps = deps;
    this.#models.setAliases(aliases);
    this.#stop = deps.registry.subscribe(
      (event) => {
        if (event.type === "hive.removed" || event.type === "hive.evicted") this.#forget(event.hive_id);
      },
      { heartbeats: false },
    );
  }

  /** Called with each heartbeat. Mostly nothing is new. */
  heard({ hive_id, hive_url, boot_id }: Pick<HiveHeartbeatPayload, "hive_id" | "hive_url" | "boot_id">): void {
    const known = this.#hives.get(hive_id);
    if (known?.url === hive_url && known?.boot_id === boot_id) return;
    this.#forget(hive_id);
    if (hive_url === undefined) return;
    const hive: Hive = {
      ...{ hive_id, url: hive_url, boot_id, models: undefined, error: undefined },
      ...{ askedAtMs: Number.NEGATIVE_INFINITY, asking: undefined },
    };
    this.#hives.set(hive_id, hive);
    this.#want(hive);
  }

  /** Names of all models that could be started. */
  names(): IterableIterator<string> {
    return this.#models.names();
  }

  /** The models that a name means, by the registry's rule. */
  find(name: string): readonly Startable[] {
    return this.#models.resolve(name);
  }

  /** Asks again those that were asked long ago. Undefined when all answers are fresh: nothing new can be known. */
  lookAgain(): Promise<void> | undefined {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs - this.#lookedAtMs < LOOK_AGAIN_MS) return this.#look;
    const stale = [...this.#hives.values()].filter(
      ({ asking, askedAtMs }) => asking !== undefined || nowMs - askedAtMs >= LOOK_AGAIN_MS,
    );
    if (stale.length === 0) return undefined;
    this.#lookedAtMs = nowMs;
    const asked = stale.sort((a, b) => a.askedAtMs - b.askedAtMs).slice(0, LOOKED_AT_MAX);
    for (const hive of asked) this.#want(hive);
    const within = new Promise<void>((resolve) => void this.#deps.clock.after(LOOK_WITHIN_MS, resolve));
    const answered = Promise.all(asked.map((hive) => this.#answered(hive.hive_id)));
    const look = Promise.race([within, answered]).then(() => {
      if (this.#look === look) this.#look = undefined;
    });
    this.#look = look;
    return look;
  }

  /**
   * Where a hive's API is reached, once it answered for itself there.
   *
   * @throws {HiveError} `HIVE_UNREACHABLE`, or what it refused the queen with.
   */
  async urlOf(hiveId: string): Promise<string> {
    const hive = this.#hives.get(hiveId);
    if (hive === undefined) {
      throw new HiveError("HIVE_UNREACHABLE", `The hive ${hiveId} does not tell where its API is reached`);
    }
    if (hive.models === undefined) {
      this.#want(hive);
      await this.#answered(hiveId);
    }
    const now = this.#hives.get(hiveId);
    if (now?.models !== undefined) return now.url;
    throw now?.error ?? new HiveError("HIVE_UNREACHABLE", `The hive ${hiveId} is not reached from the queen`);
  }

  stop(): void {
    this.#stop();
    this.#waiting.clear();
  }

  #forget(hiveId: string): void {
    const hive = this.#hives.get(hiveId);
    if (hive === undefined) return;
    this.#hives.delete(hiveId);
    this.#waiting.delete(hiveId);
    this.#replace(hive, undefined);
  }

  /** It is asked as soon as fewer others are. */
  #want(hive: Hive): void {
    if (hive.asking === undefined && this.#waiting.size < WAITING_MAX) this.#waiting.add(hive.hive_id);
    this.#askNext();
  }

  #askNext(): void {
    for (const hiveId of this.#waiting) {
      if (this.#asking >= ASKED_AT_ONCE_MAX) return;
      this.#waiting.delete(hiveId);
      const hive = this.#hives.get(hiveId);
      if (hive === undefined || hive.asking !== undefined) continue;
      this.#asking++;
      hive.asking = this.#ask(hive).finally(() => {
        hive.asking = undefined;
        this.#asking--;
        this.#askNext();
      });
    }
  }

  /** Never rejects. */
  async #ask(hive: Hive): Promise<void> {
    const { calls, clock, log } = this.#deps;
    const { hive_id, url } = hive;
    const isFirst = hive.askedAtMs === Number.NEGATIVE_INFINITY;
    hive.askedAtMs = clock.nowMs();
    const isNew = hive.models === undefined;
    try {
      const reply = await calls.library(url);
      if (this.#hives.get(hive_id) !== hive) return;
      if (reply.hive_id !== hive_id) {
        this.#replace(hive, undefined);
        const message = `At the address of ${hive_id} another hive answers: its API listens on its own machine only`;
        throw new HiveError("HIVE_UNREACHABLE", message);
      }
      hive.error = undefined;
      this.#replace(hive, reply.models);
    } catch (error) {
      if (this.#hives.get(hive_id) !== hive) return;
      // What it told before it still has, as far as anybody knows: a start will show it.
      hive.error = error instanceof HiveError ? error : new HiveError("INTERNAL", "The hive could not be asked");
      if (isFirst && this.#unreached++ < UNREACHED_TOLD_MAX)
        log.info({ hive_id, why: hive.error.message }, "models of this hive cannot be started by the queen");
      return;
    }
    if (isNew) this.#deps.onReached(hive_id, url);
  }

  /** Until the hive, if it is still the same, has answered or failed to. */
  async #answered(hiveId: string): Promise<void> {
    while (this.#waiting.has(hiveId)) {
      const others = [...this.#hives.values()].flatMap(({ asking }) => asking ?? []);
      if (others.length === 0) return;
      await Promise.race(others);
    }
    await this.#hives.get(hiveId)?.asking;
  }

  #replace(hive: Hive, models: readonly LibraryModel[] | undefined): void {
    const { hive_id } = hive;
    for (const { model } of hive.models ?? []) {
      const known = this.#models.get(model);
      if (known?.hives.delete(hive_id)) this.#entries--;
      if (known?.hives.size === 0) this.#models.remove(model);
    }
    hive.models = models;
    for (const entry of models ?? []) {
      if (this.#entries >= ENTRIES_MAX) return;
      const { model } = entry;
      const known = this.#models.get(model) ?? { model, hives: new Map<string, LibraryModel>() };
      if (known.hives.size === 0) this.#models.add(model, known);
      if (!known.hives.has(hive_id)) this.#entries++;
      known.hives.set(hive_id, entry);
    }
  }
}

export interface LibrariesDeps {
  readonly registry: HiveRegistry;
  readonly clock: Clock;
  readonly calls: HiveCalls;
  readonly log: { info(fields: object, message: string): void };
  /** Called when a hive's API answered for the first time since its start. */
  readonly onReached: (hiveId: string, url: string) => void;
}
