import type { HiveRegistry } from "hive-registry";

/** Hives that are kept as text, about 3 KB each: streams that keep up all want the same few. */
const TEXTS_MAX = 1_024;

export interface HiveText {
  readonly alive: boolean;
  /** The end of a change of the type `hive.heartbeat`: all but its type, number and time. */
  readonly text: string;
}

/** How each hive is now, written once for all who want it until it is heard again. */
export class HiveTexts {
  readonly #registry: Pick<HiveRegistry, "hiveSnapshot">;
  readonly #texts: Map<string, HiveText> = new Map();

  constructor(registry: Pick<HiveRegistry, "hiveSnapshot">) {
    this.#registry = registry;
  }

  /** Undefined when the hive is gone. */
  of(hiveId: string): HiveText | undefined {
    const kept = this.#texts.get(hiveId);
    if (kept !== undefined) return kept;
    const hive = this.#registry.hiveSnapshot(hiveId);
    if (hive === undefined) return undefined;
    const made = {
      alive: hive.status === "alive",
      text: `${JSON.stringify({ hive_id: hiveId, ...hive }).slice(1)}\n\n`,
    };
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    this.#texts.set(hiveId, made);
    return made;
  }

  /** The hive is not as it was. */
  drop(hiveId: string): void {
    this.#texts.delete(hiveId);
  }

  clear(): void {
    this.#texts.clear();
  }
}
