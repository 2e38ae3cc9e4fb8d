import { TextTable } from "../indexes/text-table.ts";
import { NEWER_NAMESAKE, OLDER_NAMESAKE, rowInt, type WorkerRows } from "./worker-rows.ts";

const NONE = -1;

/** Rows by the ids of their workers. Of several workers with one id, on several hives, the one that was heard last comes first. */
export class WorkerIds {
  readonly #rows: WorkerRows;
  /** Row of the worker of that id that was heard last. */
  readonly #rowOfId: TextTable;

  /** @param seed see {@link TextTable}. */
  constructor(rows: WorkerRows, seed: number) {
    this.#rows = rows;
    this.#rowOfId = new TextTable((row) => rows.idAhead(row), seed);
  }

  /** -1 when there is none. */
  find(workerId: string): number {
    return this.#rowOfId.get(workerId);
  }

  /** The worker came, and was heard last. */
  add(row: number): void {
    const { ints } = this.#rows.records;
    const workerId = this.#rows.idAt(row);
    const older = this.#rowOfId.get(workerId);
    ints[rowInt(row, NEWER_NAMESAKE)] = NONE;
    ints[rowInt(row, OLDER_NAMESAKE)] = older;
    if (older !== NONE) ints[rowInt(older, NEWER_NAMESAKE)] = row;
    this.#rowOfId.set(workerId, row);
  }

  remove(row: number): void {
    const { ints } = this.#rows.records;
    const workerId = this.#rows.idAt(row);
    const newer = ints[rowInt(row, NEWER_NAMESAKE)] as number;
    const older = ints[rowInt(row, OLDER_NAMESAKE)] as number;
    if (newer !== NONE) ints[rowInt(newer, OLDER_NAMESAKE)] = older;
    else if (older !== NONE) this.#rowOfId.set(workerId, older);
    else this.#rowOfId.delete(workerId);
    if (older !== NONE) ints[rowInt(older, NEWER_NAMESAKE)] = newer;
  }

  /** The worker was heard: it comes first among those of its id. */
  heard(row: number): void {
    if (this.#rows.records.ints[rowInt(row, NEWER_NAMESAKE)] === NONE) return;
    this.remove(row);
    this.add(row);
  }
}
