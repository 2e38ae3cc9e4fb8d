/** "HIVE" in ASCII, in SQLite's header: tells our file from every other program's database. */
export const APPLICATION_ID = 0x48_49_56_45;

export interface Migration {
  /** What `user_version` is afterwards; ascending from 1. */
  readonly version: number;
  readonly sql: string;
}

/**
 * How the file came to look as it does. A step that was released is never edited; a change is a new step.
 * There is no column for a password or a key, on purpose: what has no place cannot be stored by mistake. Of a join token there is the
 * hash alone.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE hive (
        id TEXT NOT NULL PRIMARY KEY,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        ssh_host TEXT,
        ssh_port INTEGER,
        ssh_user TEXT,
        ssh_identity_file TEXT,
        devices TEXT CHECK (devices IS NULL OR json_valid(devices)),
        status TEXT NOT NULL CHECK (status IN ('unknown', 'online', 'offline')),
        last_heartbeat_ms INTEGER,
        labels TEXT CHECK (labels IS NULL OR json_valid(labels)),
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        CHECK ((ssh_host IS NULL) = (ssh_port IS NULL) AND (ssh_host IS NULL) = (ssh_user IS NULL))
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    version: 2,
    sql: `
      ALTER TABLE hive ADD COLUMN ssh_proxy_jump TEXT;
      ALTER TABLE hive ADD COLUMN ssh_config_file TEXT;
      CREATE TABLE join_token (
        hive_id TEXT NOT NULL PRIMARY KEY,
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        created_at_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE operation (
        operation_id TEXT NOT NULL PRIMARY KEY,
        hive_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        started_at_ms INTEGER NOT NULL,
        last_step TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
];

export function newestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}
