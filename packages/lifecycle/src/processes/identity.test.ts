import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { fromPs, identify, isAlive, isPid, parsePs, parseStat } from "./identity.ts";
import { until } from "./signal.ts";

const STAT =
  "812 (tmux: a) b)) S 1 812 700 0 -1 4194368 9 0 0 0 1 2 0 0 20 0 1 0 234792 3133440 426 18446744073709551615 1 1 0 0 0";

test("a process whose name holds spaces and parentheses is read right", () => {
  expect(parseStat(STAT)).toEqual({ ended: false, process_group: 812, session: 700, start_time: 234_792 });
});

test("a zombie has ended, and what is no stat line is nothing", () => {
  expect(parseStat(STAT.replace(") S", ") Z"))?.ended).toBe(true);
  for (const text of ["", "812", "812 (a) S 1 2", "nonsense ) in ( parentheses", STAT.replace("234792", "soon")]) {
    expect(parseStat(text)).toBeUndefined();
  }
});

test("what ps prints is read as UTC, one-digit days too", () => {
  expect(parsePs("Ss     812 Mon Nov 23 11:10:05 2026\n")).toEqual({
    ended: false,
    process_group: 812,
    started_at_ms: Date.UTC(2026, 10, 23, 11, 10, 5),
  });
  expect(parsePs("Z+ 7 Sun Nov  1 00:00:00 2026")).toMatchObject({ ended: true, process_group: 7 });
});

test("what ps does not print is nothing", () => {
  for (const text of [
    "",
    "\n",
    "ps: unknown option",
    "Ss 812 lun. 23 nov. 11:10:05 2026",
    "Ss 812 Mon Nov 99 11:10:05 2026",
  ]) {
    expect(parsePs(text)).toBeUndefined();
  }
});

test("where ps tells, a process is known by its start to the second", () => {
  const directory = mkdtempSync(join(tmpdir(), "hive-ps-"));
  const path = process.env.PATH;
  try {
    const script = `#!/bin/sh\n[ "$TZ $LC_ALL $*" = "UTC C -o stat=,pgid=,lstart= -p 812" ] && echo "S 800 Mon Nov 23 11:10:05 2026"\n`;
    writeFileSync(join(directory, "ps"), script);
    chmodSync(join(directory, "ps"), 0o755);
    process.env.PATH = `${directory}:${path}`;
    const started_at_ms = Date.UTC(2026, 10, 23, 11, 10, 5);
    expect(fromPs(812)).toEqual({ pid: 812, start_time: null, started_at_ms, process_group: 800, session: null });
    expect(fromPs(813)).toBeUndefined();
  } finally {
    process.env.PATH = path;
    rmSync(directory, { recursive: true });
  }
});

test("this process is alive as itself and not as one that began at another time", () => {
  const me = identify(process.pid);
  if (me === undefined) throw new Error("this process is not found");
  expect(isAlive(me)).toBe(true);
  if (me.start_time !== null) expect(isAlive({ ...me, start_time: me.start_time + 1 })).toBe(false);
  expect(isAlive({ ...me, machine_boot: "another start of the machine" })).toBe(false);
});

test("without a start time, a process that began after the record was written is another", () => {
  const me = identify(process.pid);
  if (me === undefined) throw new Error("this process is not found");
  const unknown = { pid: me.pid, start_time: null };
  expect(isAlive({ ...unknown, started_at_ms: Date.now() })).toBe(true);
  expect(isAlive({ ...unknown, started_at_ms: me.started_at_ms - 60_000 })).toBe(false);
});

test("a process that ended and was never waited for is not alive", async () => {
  const parent = spawn("sh", ["-c", "true & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const [line] = await once(createInterface({ input: parent.stdout }), "line");
    expect(await until(() => identify(Number(line)) === undefined, 20_000)).toBe(true);
  } finally {
    parent.kill("SIGKILL");
  }
});

test("no number that would signal ourselves, init or a group passes for a pid", () => {
  for (const pid of [0, 1, -1, -812, 1.5, Number.NaN, "812", null, undefined]) expect(isPid(pid)).toBe(false);
  expect(identify(1)).toBeUndefined();
  expect(identify(2 ** 30)).toBeUndefined();
});
