import { type CatalogPut, type CatalogRecord, HiveError } from "@hive-registry/contract";
import type { CatalogTouch, UnfinishedOperation } from "./catalog.ts";

export const HIVE_PORT_DEFAULT = 7835;
const SSH_PORT_DEFAULT = 22;

/**
 * The record that `put` makes of what was there. It takes over the fields it knows, one by one: whatever else an object
 * carries (a password, say) reaches no catalog.
 */
export function recordFrom(id: string, put: CatalogPut, nowMs: number, before?: CatalogRecord): CatalogRecord {
  return {
    id,
    host: put.host,
    port: put.port ?? HIVE_PORT_DEFAULT,
    ...(put.ssh === undefined ? {} : { ssh: sshFrom(put.ssh) }),
    ...(before?.devices === undefined ? {} : { devices: before.devices }),
    status: before?.status ?? "unknown",
    ...(before?.last_heartbeat_ms === undefined ? {} : { last_heartbeat_ms: before.last_heartbeat_ms }),
    ...(put.labels === undefined ? {} : { labels: { ...put.labels } }),
    created_at_ms: before?.created_at_ms ?? wholeMs(nowMs),
    updated_at_ms: wholeMs(nowMs),
  };
}

/** What of a record can be put: the configuration, without what the queen keeps beside it. */
export const configOf = ({ host, port, ssh, labels }: CatalogRecord): CatalogPut => ({
  host,
  port,
  ...(ssh === undefined ? {} : { ssh }),
  ...(labels === undefined ? {} : { labels }),
});

export function touched(record: CatalogRecord, touch: CatalogTouch): CatalogRecord {
  const { status, last_heartbeat_ms = record.last_heartbeat_ms } = touch;
  if (last_heartbeat_ms === undefined) return { ...record, status };
  return { ...record, status, last_heartbeat_ms: Math.max(wholeMs(last_heartbeat_ms), record.last_heartbeat_ms ?? 0) };
}

/** A monotonic clock counts in fractions; on the wire and in the file a time is an integer. */
export function wholeMs(ms: number): number {
  return Math.trunc(ms);
}

/** Of two that began at once, the one of the smaller id. */
export function oldestFirst(a: UnfinishedOperation, b: UnfinishedOperation): number {
  return a.started_at_ms - b.started_at_ms || (a.operation_id < b.operation_id ? -1 : 1);
}

export function catalogFull(recordsMax: number): HiveError {
  return new HiveError(
    "CATALOG_FULL",
    `The catalog holds ${recordsMax} hives and takes no more: remove those that are gone`,
    { details: { records_max: recordsMax } },
  );
}

export function catalogClosed(): HiveError {
  return new HiveError("CATALOG_UNAVAILABLE", "The catalog is closed");
}

function sshFrom(ssh: NonNullable<CatalogPut["ssh"]>): NonNullable<CatalogRecord["ssh"]> {
  return {
    host: ssh.host,
    port: ssh.port ?? SSH_PORT_DEFAULT,
    user: ssh.user,
    ...(ssh.identity_file === undefined ? {} : { identity_file: ssh.identity_file }),
    ...(ssh.proxy_jump === undefined ? {} : { proxy_jump: ssh.proxy_jump }),
    ...(ssh.config_file === undefined ? {} : { config_file: ssh.config_file }),
  };
}
