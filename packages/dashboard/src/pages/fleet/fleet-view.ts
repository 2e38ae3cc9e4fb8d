import type { HiveStatus } from "@hive-registry/client";
import type { HiveRow } from "../../fleet-data/hive-row.ts";

export const STATUS_FILTERS = ["all", "alive", "suspect", "silent"] as const;
export type StatusFilter = (typeof STATUS_FILTERS)[number];

export const SORTS = ["name", "status", "vram-free", "gpu", "workers"] as const;
export type Sort = (typeof SORTS)[number];

/** Which hives are shown, and in what order. */
export interface View {
  /** Words that must all be found. */
  readonly query: string;
  readonly status: StatusFilter;
  readonly sort: Sort;
}

const STATUSES: ReadonlySet<string> = new Set<HiveStatus>(["alive", "suspect", "silent"]);
const WORST_FIRST: Readonly<Record<HiveStatus, number>> = { silent: 0, suspect: 1, alive: 2 };

/** Whether a hive is among those shown. Words as {@link words} gives them. */
export function isShown(row: HiveRow, words: readonly string[], status: StatusFilter): boolean {
  if (status !== "all" && row.status !== status) return false;
  return words.every((word) => {
    if (STATUSES.has(word)) return row.status === word || row.text.includes(word);
    if (word === "flapping" && row.isFlapping) return true;
    return row.text.includes(word);
  });
}

/** Of what was typed: small letters, at spaces. `status:silent` is the same as `silent`. */
export function words(query: string): string[] {
  return query
    .toLowerCase()
    .split(/\s+/)
    .map((word) => word.replace(/^(?:status|model|backend|label|name):/, ""))
    .filter((word) => word !== "");
}

/**
 * The shown hives in their order. Names are put in order as they come: a fleet that arrives in a hundred pieces is not sorted a
 * hundred times. The other orders are stable on top of that, so equals do not change places.
 */
export class FleetView {
  readonly #collator: Intl.Collator = new Intl.Collator("en", { numeric: true });
  #byName: readonly string[] = [];
  #known: ReadonlySet<string> = new Set();

  /** Rows that are shown, in order. */
  list(
    rows: { readonly size: number; find(hiveId: string): HiveRow | undefined; all(): Iterable<HiveRow> },
    view: View,
  ): HiveRow[] {
    this.#orderNames(rows);
    const looked = words(view.query);
    const shown: HiveRow[] = [];
    for (const hiveId of this.#byName) {
      const row = rows.find(hiveId);
      if (row !== undefined && isShown(row, looked, view.status)) shown.push(row);
    }
    const key = SORT_KEYS[view.sort];
    return key === undefined ? shown : shown.sort((a, b) => key(a) - key(b));
  }

  #orderNames(rows: {
    readonly size: number;
    find(hiveId: string): HiveRow | undefined;
    all(): Iterable<HiveRow>;
  }): void {
    const come: string[] = [];
    for (const { hive_id } of rows.all()) if (!this.#known.has(hive_id)) come.push(hive_id);
    const areSomeGone = this.#known.size + come.length !== rows.size;
    if (come.length === 0 && !areSomeGone) return;
    const stayed = areSomeGone ? this.#byName.filter((hiveId) => rows.find(hiveId) !== undefined) : this.#byName;
    const { compare } = this.#collator;
    this.#byName = merged(stayed, come.sort(compare), compare);
    this.#known = new Set(this.#byName);
  }
}

/** Two ordered lists as one. */
function merged(
  a: readonly string[],
  b: readonly string[],
  compare: (x: string, y: string) => number,
): readonly string[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const all: string[] = [];
  let [atA, atB] = [0, 0];
  while (atA < a.length && atB < b.length) {
    const [nextA, nextB] = [a[atA] as string, b[atB] as string];
    if (compare(nextA, nextB) <= 0) {
      all.push(nextA);
      atA++;
    } else {
      all.push(nextB);
      atB++;
    }
  }
  return all.concat(a.slice(atA), b.slice(atB));
}

/** Smallest first. What is not known comes last. */
const SORT_KEYS: Readonly<Record<Sort, ((row: HiveRow) => number) | undefined>> = {
  name: undefined,
  status: (row) => WORST_FIRST[row.status],
  "vram-free": (row) => (row.vram_total_bytes === undefined ? LAST : row.vram_used_bytes - row.vram_total_bytes),
  gpu: (row) => -(row.gpu_percent ?? -1),
  workers: (row) => -row.workers.total,
};
const LAST = Number.MAX_SAFE_INTEGER;
