import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePidRecord, readPidFile, recordOf, removePidFile, writePidFile } from "./pid-file.ts";
import { identify, machineBoot } from "./processes/identity.ts";
import { stateDirs } from "./testing/state-dirs.ts";

const { stateDir } = stateDirs();

test("a record comes back as it was written, its owner's alone, and nothing else is left beside it", () => {
  const path = join(stateDir(), "new", "hive-desk.pid");
  const record = recordOf(process.pid, 1_763_900_000_000.5, { url: "http://127.0.0.1:7835", hive_id: "desk" });

  writePidFile(path, recordOf(2, 1));
  writePidFile(path, record);

  expect(readPidFile(path)).toStrictEqual(record);
  expect(record).toStrictEqual({
    pid: process.pid,
    start_time: identify(process.pid)?.start_time,
    machine_boot: machineBoot(),
    started_at_ms: 1_763_900_000_000,
    url: "http://127.0.0.1:7835",
    hive_id: "desk",
  });
  expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  expect(readdirSync(join(path, ".."))).toEqual(["hive-desk.pid"]);
});

test("what another program wrote is read as far as it makes sense", () => {
  expect(parsePidRecord('{"pid":812,"start_time":5,"machine_boot":"a","started_at_ms":7,"more":1}')).toStrictEqual({
    pid: 812,
    start_time: 5,
    machine_boot: "a",
    started_at_ms: 7,
  });
  expect(parsePidRecord('{"pid":812,"start_time":"5","machine_boot":null,"url":7}')).toStrictEqual({
    pid: 812,
    start_time: null,
    started_at_ms: 0,
  });
});

test("no text makes a record with a pid that must not be signalled", () => {
  for (const text of [
    "",
    "812",
    "null",
    "[]",
    "{}",
    '{"pid":1}',
    '{"pid":0}',
    '{"pid":-5}',
    '{"pid":"812"}',
    '{"pid":1.5}',
  ]) {
    expect(parsePidRecord(text)).toBeUndefined();
  }
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.record({ pid: fc.anything() }).map((v) => JSON.stringify(v) ?? ""),
      ),
      (text) => {
        const record = parsePidRecord(text);
        expect(record === undefined || (Number.isSafeInteger(record.pid) && record.pid > 1)).toBe(true);
      },
    ),
  );
});

test("a file that names another process by now is not removed", () => {
  const path = join(stateDir(), "queen.pid");
  writePidFile(path, recordOf(812, 1));
  removePidFile(path, 813);
  expect(readPidFile(path)?.pid).toBe(812);
  removePidFile(path, 812);
  removePidFile(path, 812);
  expect(readPidFile(path)).toBeUndefined();
});

test("a file that cannot be written leaves nothing half-written behind", () => {
  const directory = stateDir();
  writeFileSync(join(directory, "x"), "");
  expect(() => writePidFile(join(directory, "x", "queen.pid"), recordOf(812, 1))).toThrow();
  expect(readFileSync(join(directory, "x"), "utf8")).toBe("");
  expect(() => readPidFile(directory)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
});
