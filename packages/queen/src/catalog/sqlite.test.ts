import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import Database from "libsql";
import { describe, expect, test } from "vitest";
import { migrate } from "./file.ts";
import { openCatalog } from "./index.ts";
import { MIGRATIONS, newestVersion } from "./schema.ts";
import { catalogFiles, hashes } from "./testing/catalog-files.ts";
import { aDevice, aPut, catalogSuite } from "./testing/catalog-suite.ts";

const files = catalogFiles();
const NEWEST = newestVersion(MIGRATIONS);

describe("the catalog in an SQLite file", () => catalogSuite((options) => files.open(files.path(), options)));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** A catalog of `hives` records, everything in its one file, which no one has ever opened under this name. */
function aFile(options: { readonly hives?: number } = {}): string {
  const written = files.path();
  const catalog = openCatalog({ kind: "sqlite", path: written });
  for (let i = 0; i < (options.hives ?? 1); i++) {
    catalog.put(`hive-${i}`, aPut({ labels: { note: "x".repeat(200) } }), 1);
  }
  catalog.close();
  const path = files.path();
  copyFileSync(written, path);
  chmodSync(path, 0o600);
  return path;
}

describe("what survives", () => {
  test("records are there when the file is opened again, all fields of them", () => {
    const path = files.path();
    const first = files.open(path);
    first.put("desk", aPut({ ssh: { host: "desk", user: "ada" }, labels: { room: "a" } }), 1);
    first.setDevices("desk", [aDevice()], 2);
    first.touch([{ id: "desk", status: "online", last_heartbeat_ms: 3 }]);
    const before = first.list();
    first.close();

    const second = files.open(path);
    expect(second.list()).toStrictEqual(before);
    expect(second.has("desk")).toBe(true);
  });

  test("a hive's join token and what was under way are there when the file is opened again", () => {
    const path = files.path();
    const first = files.open(path);
    first.put("desk", aPut({ ssh: { host: "desk", user: "ada", proxy_jump: "gate", config_file: "/etc/my ssh" } }), 1);
    first.setJoinToken("desk", "a".repeat(64), 2);
    const operation = {
      operation_id: "1",
      hive_id: "desk",
      kind: "add",
      started_at_ms: 3,
      last_step: "install",
    } as const;
    first.noteOperation(operation);
    const before = first.list();
    first.close();

    const second = files.open(path);
    expect(second.list()).toStrictEqual(before);
    expect([...second.joinTokens()]).toEqual([["desk", "a".repeat(64)]]);
    expect(second.unfinishedOperations()).toStrictEqual([operation]);
  });

  test("a file of the first version opens with its records, and takes what is new", () => {
    const path = files.path();
    const db = new Database(path);
    migrate(db, MIGRATIONS.slice(0, 1), 0);
    db.exec(
      "INSERT INTO hive (id, host, port, status, created_at_ms, updated_at_ms) VALUES ('desk', 'a', 1, 'online', 2, 3)",
    );
    db.close();
    chmodSync(path, 0o600);

    const catalog = files.open(path);

    expect(catalog.list()).toStrictEqual([
      { id: "desk", host: "a", port: 1, status: "online", created_at_ms: 2, updated_at_ms: 3 },
    ]);
    const ssh = { host: "desk", port: 22, user: "ada", proxy_jump: "gate", config_file: "/etc/my ssh" };
    expect(catalog.put("desk", aPut({ ssh }), 4).ssh).toStrictEqual(ssh);
    expect(catalog.setJoinToken("desk", "b".repeat(64), 2)).toBe(true);
    expect(readFileSync(path).readUInt32BE(60)).toBe(NEWEST);
  });

  test("two that open a missing file at once share one", () => {
    const path = files.path();
    const one = files.open(path);
    const two = files.open(path);
    one.put("a", aPut(), 1);
    expect(two.find("a")?.host).toBe("10.0.0.7");
    expect(readdirSync(dirname(path)).filter((name) => name.includes(".new-"))).toEqual([]);
  });

  test("an older file gets the newer format and keeps its records", () => {
    const path = aFile({ hives: 3 });
    const migrations = [...MIGRATIONS, { version: NEWEST + 1, sql: "ALTER TABLE hive ADD COLUMN rack TEXT" }];

    const catalog = files.open(path, { migrations });

    expect(catalog.list()).toHaveLength(3);
    expect(readFileSync(path).readUInt32BE(60)).toBe(NEWEST + 1);
  });

  test("a migration that fails leaves the file in the older format, usable", () => {
    const path = aFile();
    const before = files.open(path).list();
    const broken = [
      ...MIGRATIONS,
      { version: NEWEST + 1, sql: "ALTER TABLE hive ADD COLUMN rack TEXT; INSERT INTO nowhere VALUES (1)" },
    ];

    expect(() => files.open(path, { migrations: broken })).toThrow(/nowhere/);

    expect(files.open(path).list()).toEqual(before);
    expect(readFileSync(path).readUInt32BE(60)).toBe(NEWEST);
  });
});

describe("who may read it", () => {
  test("the file, its journal and a directory made for it are their owner's alone", () => {
    const directory = join(files.directory(), "state", "hive");
    const path = join(directory, "catalog.db");
    const before = process.umask(0);
    try {
      files.open(path).put("desk", aPut(), 1);
    } finally {
      process.umask(before);
    }
    expect(modeOf(directory)).toBe("700");
    expect(readdirSync(directory).map((name) => `${name} ${modeOf(join(directory, name))}`)).toEqual([
      "catalog.db 600",
      "catalog.db-shm 600",
      "catalog.db-wal 600",
    ]);
  });

  test("a file that others could read is closed to them when it is opened", () => {
    const path = aFile();
    chmodSync(path, 0o644);
    files.open(path);
    expect(modeOf(path)).toBe("600");
  });

  test("no byte of a password handed in by mistake reaches the disk", () => {
    const path = files.path();
    const ssh = Object.assign({ host: "desk", user: "ada" }, { password: "hunter2-secret" });
    const catalog = files.open(path);
    catalog.put("desk", Object.assign(aPut({ ssh }), { token: "hunter2-secret" }), 1);
    catalog.close();
    for (const name of readdirSync(dirname(path))) {
      expect(readFileSync(join(dirname(path), name)).includes("hunter2-secret")).toBe(false);
    }
  });
});

describe("a file that is not a sound catalog is refused by name and stays as it is", () => {
  const flip = (path: string, from: number, length: number) => {
    const bytes = readFileSync(path);
    bytes.fill(0x5a, from, from + length);
    writeFileSync(path, bytes);
  };
  const cases: Record<string, { readonly code: string; readonly message: RegExp; spoil(path: string): void }> = {
    "not SQLite at all": {
      code: "CATALOG_CORRUPT",
      message: /not an SQLite file/,
      spoil: (path) => writeFileSync(path, "garbage ".repeat(1_000)),
    },
    "a few bytes": { code: "CATALOG_CORRUPT", message: /not an SQLite file/, spoil: (path) => truncateSync(path, 50) },
    empty: { code: "CATALOG_CORRUPT", message: /it is empty/, spoil: (path) => truncateSync(path, 0) },
    "cut in half": {
      code: "CATALOG_CORRUPT",
      message: /is damaged/,
      spoil: (path) => truncateSync(path, statSync(path).size / 2),
    },
    "overwritten in the middle": {
      code: "CATALOG_CORRUPT",
      message: /is damaged/,
      spoil: (path) => flip(path, 4_096 * 3, 4_096),
    },
    "another program's database": {
      code: "CATALOG_CORRUPT",
      message: /another program's database/,
      spoil(path) {
        rmSync(path);
        const db = new Database(path);
        db.exec("CREATE TABLE song (title TEXT); INSERT INTO song VALUES ('la la')");
        db.close();
      },
    },
    "without its table": {
      code: "CATALOG_CORRUPT",
      message: /its table is missing/,
      spoil(path) {
        const db = new Database(path);
        db.exec("PRAGMA journal_mode = DELETE; DROP TABLE hive");
        db.close();
      },
    },
    "of a newer version": {
      code: "CATALOG_TOO_NEW",
      message: /written by a newer version.*[Uu]pdate/,
      spoil(path) {
        const db = new Database(path);
        db.exec(`PRAGMA journal_mode = DELETE; PRAGMA user_version = ${NEWEST + 1}`);
        db.close();
      },
    },
    "of a newer version that only its journal tells yet": {
      code: "CATALOG_TOO_NEW",
      message: /written by a newer version/,
      spoil(path) {
        const writing = files.path();
        copyFileSync(path, writing);
        const db = new Database(writing);
        db.exec(`PRAGMA user_version = ${NEWEST + 1}`);
        for (const suffix of ["", "-wal"]) copyFileSync(writing + suffix, path + suffix);
        db.close();
        expect(readFileSync(path).readUInt32BE(60)).toBe(NEWEST);
      },
    },
    "damaged, with a journal that is not": {
      code: "CATALOG_CORRUPT",
      message: /is damaged/,
      spoil(path) {
        const writing = files.path();
        copyFileSync(path, writing);
        const db = new Database(writing);
        db.exec("UPDATE hive SET port = 1 WHERE id = 'hive-0'");
        for (const suffix of ["", "-wal"]) copyFileSync(writing + suffix, path + suffix);
        db.close();
        flip(path, 4_096 * 5, 4_096 * 2);
      },
    },
    "missing, with its journal left behind": {
      code: "CATALOG_CORRUPT",
      message: /it is missing, yet catalog\.db-wal/,
      spoil(path) {
        rmSync(path);
        writeFileSync(`${path}-wal`, "frames");
      },
    },
  };
  for (const [name, { code, message, spoil }] of Object.entries(cases)) {
    test(name, () => {
      const path = aFile({ hives: 100 });
      spoil(path);
      const before = hashes(dirname(path));

      for (let tries = 0; tries < 2; tries++) {
        const open = () => openCatalog({ kind: "sqlite", path });
        expect(open).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
        expect(open).toThrow(path);
      }

      expect(hashes(dirname(path))).toEqual(before);
    });
  }
});

describe("a file system that refuses", () => {
  test("a directory in the file's place is named", () => {
    const path = files.path();
    mkdirSync(path);
    expect(() => files.open(path)).toThrow(`${path} cannot be used: it is a directory`);
  });

  test("a file where a directory should be is named", () => {
    const directory = files.directory();
    writeFileSync(join(directory, "state"), "");
    expect(() => files.open(join(directory, "state", "catalog.db"))).toThrow("a part of its path is a file");
  });

  test("a directory that this user may not write is named, with what to do", () => {
    const path = aFile();
    chmodSync(dirname(path), 0o555);
    try {
      asSomebodyElse(() => {
        expect(() => files.open(path)).toThrow(
          expect.objectContaining({
            code: "CATALOG_UNAVAILABLE",
            message: expect.stringMatching(/catalog\.db cannot be used: permission denied\. Give this user/),
          }),
        );
        expect(() => files.open(join(dirname(path), "new.db"))).toThrow("permission denied");
      });
    } finally {
      chmodSync(dirname(path), 0o700);
    }
    expect(readdirSync(dirname(path))).toEqual([basename(path)]);
  });

  test("a file that this user may not read is named", () => {
    const path = aFile();
    chmodSync(dirname(path), 0o777);
    chmodSync(path, 0o000);
    asSomebodyElse(() => expect(() => files.open(path)).toThrow("permission denied"));
  });
});

/** The superuser may read and write everything, so the story is told by another user then. */
function asSomebodyElse(story: () => void): void {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined) throw new Error("this story needs POSIX users");
  const me = geteuid();
  if (me === 0) seteuid(65_534);
  try {
    story();
  } finally {
    if (me === 0) seteuid(0);
  }
}
