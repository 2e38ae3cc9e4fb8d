import { closeSync, existsSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog, readTail } from "./log-file.ts";
import { stateDirs } from "./testing/state-dirs.ts";

const { stateDir } = stateDirs();
const aLog = () => join(stateDir(), "logs", "queen.log");

/** A start that prints `text`. */
function start(path: string, text: string, bytesMax = 100): void {
  const log = openLog(path, { bytesMax });
  writeSync(log, text);
  closeSync(log);
}

test("a log goes on from start to start, its owner's alone", () => {
  const path = aLog();
  start(path, "first\n");
  start(path, "second\n");
  expect(readFileSync(path, "utf8")).toBe("first\nsecond\n");
  expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
});

test("a log that has grown large is put aside at the next start, and the two youngest are kept", () => {
  const path = aLog();
  for (const name of ["a", "b", "c", "d"]) start(path, name.repeat(101));
  start(path, "e");
  expect([path, `${path}.1`, `${path}.2`].map((file) => readFileSync(file, "utf8")[0])).toEqual(["e", "d", "c"]);
  expect(existsSync(`${path}.3`)).toBe(false);
});

test("of an enormous log only the end is kept", () => {
  const path = aLog();
  start(path, `${"x".repeat(5_000)}the end`);
  start(path, "new");
  expect(readFileSync(`${path}.1`, "utf8")).toHaveLength(100);
  expect(readFileSync(`${path}.1`, "utf8")).toMatch(/the end$/);
});

test("a tail is whole lines, and characters are never cut", () => {
  const path = aLog();
  start(path, "one\ntwo\nthree\n");
  expect(readTail(path, 1_000)).toBe("one\ntwo\nthree\n");
  expect(readTail(path, 12)).toBe("two\nthree\n");
  expect(readTail(path, 0)).toBe("");

  writeFileSync(path, "🐝🐝🐝");
  expect(readTail(path, 6)).toBe("🐝");
});

test("a log that is not there is empty, and a wish without bounds is bounded", () => {
  expect(readTail(aLog(), 10)).toBe("");
  const path = aLog();
  start(path, "y".repeat(1_200_000));
  expect(readTail(path, Number.POSITIVE_INFINITY)).toHaveLength(1_048_576);
});
