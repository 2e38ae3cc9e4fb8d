import { randomBytes } from "node:crypto";
import type { RegistryEvent } from "hive-registry";

/** Frames that are kept as text: watchers that keep up all want the same few. */
const FRAMES_MAX = 64;

/** One event of a stream. JSON has no line breaks, so one `data:` line holds it. */
export function frame(event: string, id: string | undefined, json: string): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${json}\n\n`;
}

export const changeFrame = (id: string, change: RegistryEvent): string => frame("change", id, JSON.stringify(change));

/** Ids and texts of the changes, the same for all watchers of one queen. */
export class FrameCache {
  /** Tells this run of the queen from others: revisions begin anew with each. */
  readonly #epoch: string = randomBytes(6).toString("hex");
  readonly #texts: { readonly revision: number; readonly text: string }[] = [];

  idOf(revision: number): string {
    return `${this.#epoch}-${revision}`;
  }

  /** Undefined when the id is not one of this run's. */
  revisionOf(id: string): number | undefined {
    const [epoch, revision] = id.split("-", 2);
    return epoch === this.#epoch && revision !== undefined && /^\d{1,15}$/.test(revision)
      ? Number(revision)
      : undefined;
  }

  of(change: RegistryEvent): string {
    const place = change.revision % FRAMES_MAX;
    const kept = this.#texts[place];
    if (kept?.revision === change.revision) return kept.text;
    const text = changeFrame(this.idOf(change.revision), change);
    this.#texts[place] = { revision: change.revision, text };
    return text;
  }
}
