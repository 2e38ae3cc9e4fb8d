import type { CatalogPut, CatalogRecord, CatalogStatus, OperationKind } from "@hive-registry/contract";
import type { DeviceInfo } from "hive-registry";

/** How many hives one catalog holds. One put more is refused: a loop that invents ids must not fill the disk. */
export const CATALOG_RECORDS_MAX = 200_000;

/** What a heartbeat, or its absence, tells about one hive. */
export interface CatalogTouch {
  readonly id: string;
  readonly status: CatalogStatus;
  /** Absent: the time that is there stays. */
  readonly last_heartbeat_ms?: number;
}

/** An operation that runs, noted so that the queen's next life can tell that it was cut off. */
export interface UnfinishedOperation {
  readonly operation_id: string;
  readonly hive_id: string;
  readonly kind: OperationKind;
  readonly started_at_ms: number;
  /** The step that it was at. */
  readonly last_step: string;
}

/**
 * Configuration of hives that survives restarts. Synchronous: each call is one atomic step, and once it has returned, what it
 * wrote survives the death of the process. Ids and values were checked at the door; records handed out are snapshots.
 *
 * @throws {HiveError} from any call: `CATALOG_CORRUPT` when the stored data turns out to be damaged, `CATALOG_UNAVAILABLE` when it cannot
 * be reached (disk full, no permission, locked by another program) or was closed.
 */
export interface Catalog {
  /**
   * Creates the record, or replaces all of its configuration: a field that `put` leaves out is gone. What the fleet reported
   * (`status`, `last_heartbeat_ms`, `devices`) and `created_at_ms` stay. The ports default to 7835 and, for SSH, 22.
   *
   * @throws {HiveError} `CATALOG_FULL` for a new id when {@link CATALOG_RECORDS_MAX} records are there.
   */
  put(id: string, put: CatalogPut, nowMs: number): CatalogRecord;
  find(id: string): CatalogRecord | undefined;
  /** Answers from memory, so that it may be asked at every heartbeat. */
  has(id: string): boolean;
  /** All records, by id in ascending order of its characters. */
  list(): CatalogRecord[];
  /** With its join token. False when there was none. */
  remove(id: string): boolean;
  /**
   * Notes what was heard, all of it or nothing. Ids without a record are ignored, `last_heartbeat_ms` never goes back, and
   * `updated_at_ms` stays: it tells when the configuration was changed.
   */
  touch(updates: Iterable<CatalogTouch>): void;
  /** Keeps the inventory as the hive reported it. False when the id has no record. */
  setDevices(id: string, devices: readonly DeviceInfo[], nowMs: number): boolean;
  /** Gives the hive this join token in place of the one before; `sha256` is of the token, in hex. False when the id has no record. */
  setJoinToken(hiveId: string, sha256: string, nowMs: number): boolean;
  /** Of each hive that has a join token, its SHA-256. Answers from memory, and stays true when tokens come and go. */
  joinTokens(): ReadonlyMap<string, string>;
  /** False when there was none. */
  removeJoinToken(hiveId: string): boolean;
  /** Notes an operation that began, or that is at its next step. */
  noteOperation(operation: UnfinishedOperation): void;
  /** It has ended. */
  forgetOperation(operationId: string): void;
  /** What was noted and not forgotten, oldest first. */
  unfinishedOperations(): UnfinishedOperation[];
  /** Lets go of the file. Closing twice is harmless. */
  close(): void;
}
