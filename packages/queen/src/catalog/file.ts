import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import Database from "libsql";
import { codeOf, corrupt, sqliteFault, tooNew, unavailable } from "./faults.ts";
import { APPLICATION_ID, type Migration, newestVersion } from "./schema.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** How often a copy for the examination is tried while another program writes to the file. */
const COPY_TRIES_MAX = 3;

/**
 * Makes sure that `path` is a sound catalog of ours that this user alone can read, creating it if there is none. A file that is
 * damaged, foreign or too new is left as it is, byte for byte.
 *
 * @throws {HiveError} `CATALOG_CORRUPT`, `CATALOG_TOO_NEW`, or `CATALOG_UNAVAILABLE` when the file system refuses.
 */
export function prepareFile(path: string, migrations: readonly Migration[]): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    accessSync(dirname(path), constants.R_OK | constants.W_OK | constants.X_OK);
    const exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
    if (!exists) create(path, migrations);
    examineHeader(path, newestVersion(migrations));
    accessSync(path, constants.R_OK | constants.W_OK);
    if (exists) examineContent(path, newestVersion(migrations));
    for (const file of [path, `${path}-wal`, `${path}-shm`]) makePrivate(file);
  } catch (cause) {
    throw codeOf(cause)?.startsWith("E") ? unavailable(path, cause) : sqliteFault(path, cause);
  }
}

/** Brings an older file to the newest version, all steps or none. */
export function migrate(db: Database.Database, migrations: readonly Migration[], from: number): void {
  const steps = migrations.filter((step) => step.version > from);
  if (steps.length === 0) return;
  const sql = steps.map((step) => `${step.sql}; PRAGMA user_version = ${step.version};`).join("\n");
  try {
    db.exec(`BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION_ID}; ${sql} COMMIT;`);
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
  // The version must stand in the file's own header, where an older program looks for it first.
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** Builds the file aside and gives it its name when it is whole: who finds a file by that name finds a finished one. */
function create(path: string, migrations: readonly Migration[]): void {
  const orphan = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (orphan !== undefined && orphan.size > 0) {
    throw corrupt(path, `it is missing, yet ${basename(path)}-wal beside it holds some of its records`);
  }
  const aside = `${path}.new-${process.pid}`;
  try {
    closeSync(openSync(aside, "w", FILE_MODE));
    const db = new Database(aside);
    db.exec("PRAGMA journal_mode = WAL");
    migrate(db, migrations, 0);
    db.close();
    linkSync(aside, path);
  } catch (error) {
    // Another process was faster; its file is as good as this one.
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(aside + suffix, { force: true });
  }
}

/** The first 100 bytes tell whose file it is, without SQLite ever opening it. https://www.sqlite.org/fileformat.html#the_database_header */
function examineHeader(path: string, newest: number): void {
  const header = Buffer.alloc(100);
  const file = openSync(path, "r");
  try {
    const length = readSync(file, header, 0, header.length, 0);
    if (length === 0) throw corrupt(path, "it is empty");
    if (length < header.length || header.toString("latin1", 0, 16) !== "SQLite format 3\0") {
      throw corrupt(path, "it is not an SQLite file");
    }
  } finally {
    closeSync(file);
  }
  if (header.readUInt32BE(68) !== APPLICATION_ID) throw corrupt(path, "it is another program's database");
  const version = header.readUInt32BE(60);
  if (version > newest) throw tooNew(path, version, newest);
}

/** Looks for damage in a copy: SQLite may write while it opens a file, and a damaged one must stay as it is. */
function examineContent(path: string, newest: number): void {
  const directory = mkdtempSync(join(tmpdir(), "hive-catalog-"));
  try {
    const copy = join(directory, "copy.db");
    // A file that changes under our hands belongs to a program that runs and reads it: not damaged, and not to be copied.
    if (!copyAtRest(path, copy)) return;
    const db = new Database(copy);
    try {
      const version = Number(firstOf(db, "SELECT user_version AS first FROM pragma_user_version"));
      if (version > newest) throw tooNew(path, version, newest);
      const fault = String(firstOf(db, "SELECT quick_check AS first FROM pragma_quick_check(1)"));
      if (fault !== "ok") throw corrupt(path, fault.replace(/^\*\*\* in database main \*\*\*\s*/, ""));
      if (firstOf(db, "SELECT count(*) AS first FROM sqlite_schema WHERE name = 'hive'") !== 1) {
        throw corrupt(path, "its table is missing");
      }
    } finally {
      db.close();
    }
  } catch (cause) {
    throw codeOf(cause)?.startsWith("E") ? cause : sqliteFault(path, cause);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function copyAtRest(path: string, copy: string): boolean {
  for (let tries = 0; tries < COPY_TRIES_MAX; tries++) {
    const before = stamp(path);
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    rmSync(`${copy}-wal`, { force: true });
    try {
      copyFileSync(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    if (stamp(path) === before) return true;
  }
  return false;
}

function stamp(path: string): string {
  return [path, `${path}-wal`]
    .map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? "none" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`))
    .join(", ");
}

function firstOf(db: Database.Database, sql: string): unknown {
  const row: unknown = db.prepare(sql).get();
  return typeof row === "object" && row !== null && "first" in row ? row.first : undefined;
}

function makePrivate(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat !== undefined && (stat.mode & 0o777) !== FILE_MODE) chmodSync(file, FILE_MODE);
}
