import { spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { eventually } from "../testing/eventually.ts";
import { PidFiles, signalGroup } from "./pid-files.ts";
import { machineBootId, readStat } from "./process-tree.ts";
import { aFolder, lives } from "./testing/fake-worker.ts";

async function aProcess(source = "setInterval(() => {}, 1000)"): Promise<number> {
  const child = spawn(process.execPath, ["-e", `${source};console.log("up")`], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pid = child.pid as number;
  onTestFinished(() => signalGroup(pid, "SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return pid;
}

test("workers that a killed hive left behind are ended by its next start, gently first", async () => {
  const dir = aFolder();
  const [gentle, stubborn] = [
    await aProcess(),
    await aProcess("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"),
  ];
  const before = new PidFiles(dir);
  before.remember("gentle", gentle);
  before.remember("very stubborn / one", stubborn);

  // Half of the wait is the gentle part, and none of it is what this story is about.
  const hasty = { ...systemClock, nowMs: () => systemClock.nowMs() * 20 };
  expect((await new PidFiles(dir).endOrphans(hasty)).sort()).toEqual(["gentle", "very stubborn / one"]);
  await eventually("both are gone", () => !lives(gentle) && !lives(stubborn));
  expect(readdirSync(dir)).toEqual([]);
});

test("a process that only has the pid of a former worker is left alone", async () => {
  const dir = aFolder();
  const pid = await aProcess();
  const start_time = readStat(pid)?.start_time as number;
  const records = {
    "other-start.json": { pid, worker_id: "w", start_time: start_time + 1, machine_boot: machineBootId() },
    "other-boot.json": { pid, worker_id: "w", start_time, machine_boot: "before" },
    "no-start.json": { pid, worker_id: "w" },
    "init.json": { pid: 1, worker_id: "w", start_time: readStat(1)?.start_time, machine_boot: machineBootId() },
    "self.json": { pid: 0, worker_id: "w", start_time: 0 },
    "broken.json": "{",
    "null.json": null,
  };
  for (const [name, record] of Object.entries(records)) writeFileSync(join(dir, name), JSON.stringify(record));
  expect(await new PidFiles(dir).endOrphans(systemClock)).toEqual([]);
  expect(lives(pid)).toBe(true);
  expect(readdirSync(dir)).toEqual([]);
});

test("a worker that ended in order is forgotten", () => {
  const dir = aFolder();
  const files = new PidFiles(dir);
  files.remember("w", process.pid);
  expect(readdirSync(dir)).toEqual(["w.json"]);
  files.forget("w");
  expect(readdirSync(dir)).toEqual([]);
});
