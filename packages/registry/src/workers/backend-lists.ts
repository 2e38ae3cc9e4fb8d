import { SlotList } from "../indexes/slot-list.ts";
import { BACKEND_POSITION, rowInt, type WorkerRows } from "./worker-rows.ts";

const NONE = -1;

/** Rows by what their workers compute with. */
export class BackendLists {
  readonly #rows: WorkerRows;
  readonly #lists: Map<string, SlotList> = new Map();

  constructor(rows: WorkerRows) {
    this.#rows = rows;
  }

  /** Rows of all workers with this backend, in no particular order. */
  *with(backend: string): Generator<number> {
    const list = this.#lists.get(backend);
    if (list !== undefined) for (let at = 0; at < list.size; at++) yield list.at(at);
  }

  counts(): Record<string, number> {
    return Object.fromEntries(Array.from(this.#lists, ([backend, list]) => [backend, list.size]));
  }

  /** Puts a row where its worker's backend says; not at all where it says none. */
  add(row: number): void {
    const backend = this.#rows.backendAt(row);
    if (backend === undefined) return;
    let list = this.#lists.get(backend);
    if (list === undefined) {
      list = new SlotList();
      this.#lists.set(backend, list);
    }
    this.#rows.records.ints[rowInt(row, BACKEND_POSITION)] = list.add(row);
  }

  /** Takes a row out of where it was put. Its backend must be what it was then. */
  remove(row: number): void {
    const backend = this.#rows.backendAt(row);
    if (backend === undefined) return;
    const list = this.#lists.get(backend) as SlotList;
    const { ints } = this.#rows.records;
    const position = ints[rowInt(row, BACKEND_POSITION)] as number;
    const moved = list.removeAt(position);
    if (moved !== NONE) ints[rowInt(moved, BACKEND_POSITION)] = position;
    if (list.size === 0) this.#lists.delete(backend);
  }
}
