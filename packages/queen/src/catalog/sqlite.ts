import type { CatalogPut, CatalogRecord } from "@hive-registry/contract";
import type { DeviceInfo } from "hive-registry";
import Database from "libsql";
import { CATALOG_RECORDS_MAX, type Catalog, type CatalogTouch, type UnfinishedOperation } from "./catalog.ts";
import { sqliteFault } from "./faults.ts";
import { migrate, prepareFile } from "./file.ts";
import { catalogClosed, catalogFull, recordFrom, wholeMs } from "./record.ts";
import { type CatalogRow, recordOf, rowOf } from "./row.ts";
import { MIGRATIONS, type Migration } from "./schema.ts";

/** How long a call waits for another program's lock; the whole process waits with it. */
const BUSY_TIMEOUT_MS = 250;

const UPSERT = `
  INSERT INTO hive (id, host, port, ssh_host, ssh_port, ssh_user, ssh_identity_file, ssh_proxy_jump, ssh_config_file,
                    devices, status, last_heartbeat_ms, labels, created_at_ms, updated_at_ms)
  VALUES (:id, :host, :port, :ssh_host, :ssh_port, :ssh_user, :ssh_identity_file, :ssh_proxy_jump, :ssh_config_file,
          :devices, :status, :last_heartbeat_ms, :labels, :created_at_ms, :updated_at_ms)
  ON CONFLICT (id) DO UPDATE SET host = excluded.host, port = excluded.port, ssh_host = excluded.ssh_host,
    ssh_port = excluded.ssh_port, ssh_user = excluded.ssh_user, ssh_identity_file = excluded.ssh_identity_file,
    ssh_proxy_jump = excluded.ssh_proxy_jump, ssh_config_file = excluded.ssh_config_file, labels = excluded.labels, updated_at_ms = excluded.updated_at_ms`;

const TOUCH = `
  UPDATE hive SET status = :status,
    last_heartbeat_ms = CASE WHEN :last_heartbeat_ms IS NULL THEN last_heartbeat_ms
                             ELSE max(coalesce(last_heartbeat_ms, 0), :last_heartbeat_ms) END
  WHERE id = :id`;

type Statements = ReturnType<typeof prepare>;

/**
 * A catalog in one SQLite file, readable by its owner only. Journal in WAL mode with `synchronous = NORMAL`: what a call wrote
 * survives `kill -9`; a power cut may cost the last moments, never the file.
 */
export class SqliteCatalog implements Catalog {
  readonly #path: string;
  readonly #recordsMax: number;
  readonly #db: Database.Database;
  readonly #sql: Statements;
  readonly #ids: Set<string>;
  readonly #tokens: Map<string, string>;
  #closed = false;

  /**
   * Creates the file, and its directory, if there is none.
   *
   * @throws {HiveError} `CATALOG_CORRUPT` or `CATALOG_TOO_NEW` with the file untouched, `CATALOG_UNAVAILABLE` when the file system refuses.
   */
  constructor(
    path: string,
    options: { readonly recordsMax?: number; readonly migrations?: readonly Migration[] } = {},
  ) {
    const migrations = options.migrations ?? MIGRATIONS;
    this.#path = path;
    this.#recordsMax = options.recordsMax ?? CATALOG_RECORDS_MAX;
    prepareFile(path, migrations);
    try {
      this.#db = new Database(path);
      this.#db.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF`,
      );
      const { user_version: version } = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
      migrate(this.#db, migrations, version);
      this.#sql = prepare(this.#db);
      this.#ids = new Set(this.#sql.ids.all().map((row) => (row as { id: string }).id));
      const tokens = this.#sql.joinTokens.all() as { hive_id: string; sha256: string }[];
      this.#tokens = new Map(tokens.map(({ hive_id, sha256 }) => [hive_id, sha256]));
    } catch (cause) {
      throw sqliteFault(path, cause);
    }
  }

  put(id: string, put: CatalogPut, nowMs: number): CatalogRecord {
    return this.#do((sql) => {
      if (!this.#ids.has(id) && this.#ids.size >= this.#recordsMax) throw catalogFull(this.#recordsMax);
      const record = recordFrom(id, put, nowMs, this.find(id));
      sql.upsert.run(rowOf(record));
      this.#ids.add(id);
      return record;
    });
  }

  find(id: string): CatalogRecord | undefined {
    return this.#do((sql) => {
      const row = sql.find.get({ id });
      return row === undefined ? undefined : recordOf(row as CatalogRow);
    });
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  list(): CatalogRecord[] {
    return this.#do((sql) => sql.list.all().map((row) => recordOf(row as CatalogRow)));
  }

  remove(id: string): boolean {
    return this.#do((sql) => {
      // The token first: a hive that is half removed must not be let in.
      sql.removeJoinToken.run({ hive_id: id });
      this.#tokens.delete(id);
      const removed = sql.remove.run({ id }).changes > 0;
      this.#ids.delete(id);
      return removed;
    });
  }

  touch(updates: Iterable<CatalogTouch>): void {
    this.#do((sql) => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        for (const { id, status, last_heartbeat_ms: ms } of updates) {
          if (!this.#ids.has(id)) continue;
          sql.touch.run({ id, status, last_heartbeat_ms: ms === undefined ? null : wholeMs(ms) });
        }
        this.#db.exec("COMMIT");
      } catch (error) {
        // Some failures (a full disk) have rolled back already.
        if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  setDevices(id: string, devices: readonly DeviceInfo[], nowMs: number): boolean {
    const row = { id, devices: JSON.stringify(devices), updated_at_ms: wholeMs(nowMs) };
    return this.#do((sql) => sql.setDevices.run(row).changes > 0);
  }

  setJoinToken(hiveId: string, sha256: string, nowMs: number): boolean {
    if (!this.#ids.has(hiveId)) return false;
    const row = { hive_id: hiveId, sha256, created_at_ms: wholeMs(nowMs) };
    this.#do((sql) => sql.setJoinToken.run(row));
    this.#tokens.set(hiveId, sha256);
    return true;
  }

  joinTokens(): ReadonlyMap<string, string> {
    return this.#tokens;
  }

  removeJoinToken(hiveId: string): boolean {
    const removed = this.#do((sql) => sql.removeJoinToken.run({ hive_id: hiveId }).changes > 0);
    this.#tokens.delete(hiveId);
    return removed;
  }

  noteOperation({ operation_id, hive_id, kind, started_at_ms, last_step }: UnfinishedOperation): void {
    const row = { operation_id, hive_id, kind, started_at_ms: wholeMs(started_at_ms), last_step };
    this.#do((sql) => sql.noteOperation.run(row));
  }

  forgetOperation(operationId: string): void {
    this.#do((sql) => sql.forgetOperation.run({ operation_id: operationId }));
  }

  unfinishedOperations(): UnfinishedOperation[] {
    const rows = this.#do((sql) => sql.operations.all()) as UnfinishedOperation[];
    return rows.map(({ operation_id, hive_id, kind, started_at_ms, last_step }) => ({
      operation_id,
      hive_id,
      kind,
      started_at_ms,
      last_step,
    }));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // Only tidiness is lost: everything written is in the journal, and the next start reads it.
    }
    this.#db.close();
  }

  #do<T>(step: (sql: Statements) => T): T {
    if (this.#closed) throw catalogClosed();
    try {
      return step(this.#sql);
    } catch (cause) {
      throw sqliteFault(this.#path, cause);
    }
  }
}

function prepare(db: Database.Database) {
  return {
    upsert: db.prepare(UPSERT),
    touch: db.prepare(TOUCH),
    find: db.prepare("SELECT * FROM hive WHERE id = :id"),
    list: db.prepare("SELECT * FROM hive ORDER BY id"),
    ids: db.prepare("SELECT id FROM hive"),
    remove: db.prepare("DELETE FROM hive WHERE id = :id"),
    joinTokens: db.prepare("SELECT hive_id, sha256 FROM join_token"),
    setJoinToken: db.prepare("INSERT OR REPLACE INTO join_token VALUES (:hive_id, :sha256, :created_at_ms)"),
    removeJoinToken: db.prepare("DELETE FROM join_token WHERE hive_id = :hive_id"),
    operations: db.prepare("SELECT * FROM operation ORDER BY started_at_ms, operation_id"),
    noteOperation: db.prepare(
      "INSERT OR REPLACE INTO operation VALUES (:operation_id, :hive_id, :kind, :started_at_ms, :last_step)",
    ),
    forgetOperation: db.prepare("DELETE FROM operation WHERE operation_id = :operation_id"),
    setDevices: db.prepare("UPDATE hive SET devices = :devices, updated_at_ms = :updated_at_ms WHERE id = :id"),
  };
}
