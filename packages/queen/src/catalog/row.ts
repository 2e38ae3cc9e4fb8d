import type { CatalogRecord, CatalogStatus } from "@hive-registry/contract";

/** One row of the table `hive`: what {@link recordOf} reads and {@link rowOf} writes. The table's own checks hold the types. */
export interface CatalogRow {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly ssh_host: string | null;
  readonly ssh_port: number | null;
  readonly ssh_user: string | null;
  readonly ssh_identity_file: string | null;
  readonly ssh_proxy_jump: string | null;
  readonly ssh_config_file: string | null;
  /** JSON. */
  readonly devices: string | null;
  readonly status: CatalogStatus;
  readonly last_heartbeat_ms: number | null;
  /** JSON. */
  readonly labels: string | null;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
}

/** Takes the columns one by one, since libsql adds a `_metadata` of its own to a row. */
export function recordOf(row: CatalogRow): CatalogRecord {
  return {
    id: row.id,
    host: row.host,
    port: row.port,
    ...(row.ssh_host === null || row.ssh_port === null || row.ssh_user === null
      ? {}
      : {
          ssh: {
            host: row.ssh_host,
            port: row.ssh_port,
            user: row.ssh_user,
            ...(row.ssh_identity_file === null ? {} : { identity_file: row.ssh_identity_file }),
            ...(row.ssh_proxy_jump === null ? {} : { proxy_jump: row.ssh_proxy_jump }),
            ...(row.ssh_config_file === null ? {} : { config_file: row.ssh_config_file }),
          },
        }),
    ...(row.devices === null ? {} : { devices: JSON.parse(row.devices) }),
    status: row.status,
    ...(row.last_heartbeat_ms === null ? {} : { last_heartbeat_ms: row.last_heartbeat_ms }),
    ...(row.labels === null ? {} : { labels: JSON.parse(row.labels) }),
    created_at_ms: row.created_at_ms,
    updated_at_ms: row.updated_at_ms,
  };
}

export function rowOf(record: CatalogRecord): CatalogRow {
  return {
    id: record.id,
    host: record.host,
    port: record.port,
    ssh_host: record.ssh?.host ?? null,
    ssh_port: record.ssh?.port ?? null,
    ssh_user: record.ssh?.user ?? null,
    ssh_identity_file: record.ssh?.identity_file ?? null,
    ssh_proxy_jump: record.ssh?.proxy_jump ?? null,
    ssh_config_file: record.ssh?.config_file ?? null,
    devices: record.devices === undefined ? null : JSON.stringify(record.devices),
    status: record.status,
    last_heartbeat_ms: record.last_heartbeat_ms ?? null,
    labels: record.labels === undefined ? null : JSON.stringify(record.labels),
    created_at_ms: record.created_at_ms,
    updated_at_ms: record.updated_at_ms,
  };
}
