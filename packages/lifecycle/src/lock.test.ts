import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { takeLock } from "./lock.ts";
import { recordOf } from "./pid-file.ts";
import { COUNT_UNDER_LOCK, stateDirs } from "./testing/state-dirs.ts";

const { stateDir } = stateDirs();
const aLock = () => join(stateDir(), "queen.lock");
/** A holder that is no more: this process's pid, at another time. */
const DEAD = JSON.stringify({ ...recordOf(process.pid, 0), start_time: 1 });

test("a lock given back can be taken again, and leaves no file", async () => {
  const path = aLock();
  (await takeLock(path, { waitMs: 0 }))();
  (await takeLock(path, { waitMs: 0 }))();
  expect(readdirSync(join(path, ".."))).toEqual([]);
});

test("who waits too long for a live holder is told which process it is", async () => {
  const path = aLock();
  const release = await takeLock(path, { waitMs: 0 });
  await expect(takeLock(path, { waitMs: 20 })).rejects.toMatchObject({
    code: "TIMEOUT",
    message: expect.stringContaining(`Process ${process.pid} `),
  });
  release();
});

test("who waits gets it as soon as it is given back", async () => {
  const path = aLock();
  const release = await takeLock(path, { waitMs: 0 });
  const next = takeLock(path, { waitMs: 20_000 });
  release();
  (await next)();
});

test("a lock whose holder died is broken, whatever it holds, also when its breaker died too", async () => {
  for (const left of [[""], ["garbage"], [DEAD], [DEAD, DEAD], [DEAD, DEAD, DEAD]]) {
    const path = aLock();
    for (const [depth, content] of left.entries()) writeFileSync(path + ".break".repeat(depth), content);
    (await takeLock(path, { waitMs: 20_000 }))();
    expect(existsSync(path)).toBe(false);
  }
});

test("giving back a lock that another has taken meanwhile does not take it away", async () => {
  const path = aLock();
  const release = await takeLock(path, { waitMs: 0 });
  writeFileSync(path, "another's");
  release();
  expect(readFileSync(path, "utf8")).toBe("another's");
});

test("a directory that cannot hold a lock is named", async () => {
  await expect(takeLock(join(stateDir(), "nowhere", "queen.lock"), { waitMs: 0 })).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining("queen.lock"),
  });
});

test("of many processes only one at a time holds it, though each dies holding it", async () => {
  const directory = stateDir();
  const [lock, file] = [join(directory, "queen.lock"), join(directory, "count")];
  writeFileSync(file, "0");
  const children = Array.from({ length: 8 }, () =>
    spawn(process.execPath, [COUNT_UNDER_LOCK, lock, file, "15"], { stdio: ["ignore", "ignore", "inherit"] }),
  );
  const ends = await Promise.all(children.map((child) => once(child, "exit")));
  expect(ends.map(([, signal]) => signal)).toEqual(Array(8).fill("SIGKILL"));
  expect(readFileSync(file, "utf8")).toBe("120");
});
