import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LOG_PENDING_MAX_BYTES, LogFile, readLogTail } from "./log-file.ts";
import { aFolder } from "./testing/fake-worker.ts";

const aLogPath = () => join(aFolder(), "logs", "worker-w.log");

test("a log grows to its bound, then starts anew, and one older part is kept", async () => {
  const path = aLogPath();
  const file = new LogFile(path, { bytesMax: 100 });
  for (let line = 0; line < 100; line++) file.write(`line ${String(line).padStart(4, "0")}\n`);
  await file.close();
  expect(statSync(path).size).toBe(100);
  expect(statSync(`${path}.1`).size).toBe(100);
  expect(readFileSync(path, "utf8")).toMatch(/^line 0090[\s\S]*line 0099\n$/);
  expect(readFileSync(`${path}.1`, "utf8")).toMatch(/^line 0080/);
});

test("only its owner may read it", async () => {
  const path = aLogPath();
  const file = new LogFile(path);
  file.write("x\n");
  await file.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a next start goes on where the file ended", async () => {
  const path = aLogPath();
  for (const text of ["first\n", "second\n"]) {
    const file = new LogFile(path, { bytesMax: 100 });
    file.write(text);
    await file.close();
  }
  expect(readFileSync(path, "utf8")).toBe("first\nsecond\n");
});

test("what comes faster than the disk takes it is left out, and the log says how much", async () => {
  const path = aLogPath();
  const file = new LogFile(path, { bytesMax: 10 * LOG_PENDING_MAX_BYTES });
  for (let piece = 0; piece < 20; piece++) file.write("x".repeat(LOG_PENDING_MAX_BYTES / 10));
  await file.close();
  expect(readFileSync(path, "utf8")).toMatch(/\n--- \d{7} bytes left out: the disk was too slow\n$/);
});

test("a disk that refuses is told, and harms nobody", async () => {
  const inTheWay = join(aFolder(), "file");
  writeFileSync(inTheWay, "");
  const errors: unknown[] = [];
  const file = new LogFile(join(inTheWay, "w.log"), { onError: (error) => errors.push(error) });
  file.write("x\n");
  await file.close();
  expect(errors).toHaveLength(1);
});

test("the tail starts with a line and reaches back into the older part", async () => {
  const path = aLogPath();
  const file = new LogFile(path, { bytesMax: 100 });
  for (let line = 0; line < 15; line++) file.write(`line ${String(line).padStart(4, "0")}\n`);
  await file.close();
  expect(await readLogTail(path, 35)).toBe("line 0012\nline 0013\nline 0014\n");
  expect(await readLogTail(path, 75)).toMatch(/^line 0008\n[\s\S]*line 0014\n$/);
  expect((await readLogTail(path)).split("\n")).toHaveLength(16);
  expect(await readLogTail(path, 0)).toBe("");
});

test("the tail of a log that is not there yet is empty", async () => {
  expect(await readLogTail("/nowhere/worker-w.log")).toBe("");
});
