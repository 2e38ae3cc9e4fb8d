import type { Catalog } from "./catalog.ts";
import { MemoryCatalog } from "./memory.ts";
import { SqliteCatalog } from "./sqlite.ts";

export { CATALOG_RECORDS_MAX, type Catalog, type CatalogTouch, type UnfinishedOperation } from "./catalog.ts";
export { type DeviceWriter, startDeviceWriter } from "./device-writer.ts";
export { type HeartbeatWriter, startHeartbeatWriter } from "./heartbeat-writer.ts";
export { configOf, HIVE_PORT_DEFAULT } from "./record.ts";

export type CatalogOptions =
  | { readonly kind: "memory" }
  | {
      readonly kind: "sqlite";
      /** The file; it and its directory are created if they are missing. */
      readonly path: string;
    };

/**
 * @throws {HiveError} `CATALOG_CORRUPT` or `CATALOG_TOO_NEW` with the file untouched; `CATALOG_UNAVAILABLE` when the file system refuses.
 * Each message names the file and what to do.
 */
export function openCatalog(options: CatalogOptions): Catalog {
  return options.kind === "memory" ? new MemoryCatalog() : new SqliteCatalog(options.path);
}
