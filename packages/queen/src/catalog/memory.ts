import type { CatalogPut, CatalogRecord } from "@hive-registry/contract";
import type { DeviceInfo } from "hive-registry";
import { CATALOG_RECORDS_MAX, type Catalog, type CatalogTouch, type UnfinishedOperation } from "./catalog.ts";
import { catalogClosed, catalogFull, oldestFirst, recordFrom, touched, wholeMs } from "./record.ts";

/** A catalog that lives as long as its process: for tests, and for a queen that shall leave nothing behind. */
export class MemoryCatalog implements Catalog {
  readonly #recordsMax: number;
  readonly #records = new Map<string, CatalogRecord>();
  readonly #tokens = new Map<string, string>();
  readonly #operations = new Map<string, UnfinishedOperation>();
  #closed = false;

  constructor(options: { readonly recordsMax?: number } = {}) {
    this.#recordsMax = options.recordsMax ?? CATALOG_RECORDS_MAX;
  }

  put(id: string, put: CatalogPut, nowMs: number): CatalogRecord {
    const before = this.#open().get(id);
    if (before === undefined && this.#records.size >= this.#recordsMax) throw catalogFull(this.#recordsMax);
    const record = recordFrom(id, put, nowMs, before);
    this.#records.set(id, record);
    return structuredClone(record);
  }

  find(id: string): CatalogRecord | undefined {
    return structuredClone(this.#open().get(id));
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  list(): CatalogRecord[] {
    return structuredClone([...this.#open().values()]).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  remove(id: string): boolean {
    this.#tokens.delete(id);
    return this.#open().delete(id);
  }

  touch(updates: Iterable<CatalogTouch>): void {
    const records = this.#open();
    // Taken whole first: an iterable that throws half-way must leave nothing half done.
    for (const update of [...updates]) {
      const record = records.get(update.id);
      if (record !== undefined) records.set(update.id, touched(record, update));
    }
  }

  setDevices(id: string, devices: readonly DeviceInfo[], nowMs: number): boolean {
    const record = this.#open().get(id);
    if (record === undefined) return false;
    this.#records.set(id, { ...record, devices: structuredClone(devices), updated_at_ms: wholeMs(nowMs) });
    return true;
  }

  setJoinToken(hiveId: string, sha256: string): boolean {
    if (!this.#open().has(hiveId)) return false;
    this.#tokens.set(hiveId, sha256);
    return true;
  }

  joinTokens(): ReadonlyMap<string, string> {
    return this.#tokens;
  }

  removeJoinToken(hiveId: string): boolean {
    this.#open();
    return this.#tokens.delete(hiveId);
  }

  noteOperation(operation: UnfinishedOperation): void {
    this.#open();
    this.#operations.set(operation.operation_id, { ...operation, started_at_ms: wholeMs(operation.started_at_ms) });
  }

  forgetOperation(operationId: string): void {
    this.#open();
    this.#operations.delete(operationId);
  }

  unfinishedOperations(): UnfinishedOperation[] {
    this.#open();
    return structuredClone([...this.#operations.values()]).sort(oldestFirst);
  }

  close(): void {
    this.#closed = true;
  }

  #open(): Map<string, CatalogRecord> {
    if (this.#closed) throw catalogClosed();
    return this.#records;
  }
}
