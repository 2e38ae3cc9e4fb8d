import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Catalog } from "../catalog.ts";
import { SqliteCatalog } from "../sqlite.ts";

/** Temporary directories and the catalogs opened in them; all gone after each test. */
export function catalogFiles(): {
  directory(): string;
  /** The path of a file that is not there yet, in a directory of its own. */
  path(): string;
  open(path: string, ...options: OpenOptions): Catalog;
} {
  const directories: string[] = [];
  const catalogs: Catalog[] = [];
  afterEach(() => {
    for (const catalog of catalogs.splice(0)) catalog.close();
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
  });
  const directory = () => {
    const made = mkdtempSync(join(tmpdir(), "hive-catalog-test-"));
    directories.push(made);
    return made;
  };
  return {
    directory,
    path: () => join(directory(), "catalog.db"),
    open(path, ...options) {
      const catalog = new SqliteCatalog(path, ...options);
      catalogs.push(catalog);
      return catalog;
    },
  };
}

type OpenOptions = ConstructorParameters<typeof SqliteCatalog> extends [string, ...infer Rest] ? Rest : never;

/** Each file of a directory and the hash of its bytes. */
export function hashes(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex"),
      ]),
  );
}
