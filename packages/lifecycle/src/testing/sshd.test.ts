import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identify } from "../processes/identity.ts";
import { until } from "../processes/signal.ts";
import { machines } from "./machines.ts";
import type { Sshd } from "./sshd.ts";

const { aMachine } = machines();

const ssh = (sshd: Sshd, command: string) =>
  execFileSync("ssh", ["-F", sshd.config_file, "-o", "BatchMode=yes", sshd.alias, command], { encoding: "utf8" });
const fault = (sshd: Sshd) =>
  spawnSync("ssh", ["-F", sshd.config_file, "-o", "BatchMode=yes", sshd.alias, "true"], { encoding: "utf8" }).stderr;

test("machines for tests have clean accounts of their own, beside each other", async () => {
  const [desk, rack] = await Promise.all([
    aMachine({ alias: "desk", env: { PLACE: "under the desk" } }),
    aMachine({ alias: "rack" }),
  ]);
  expect(ssh(desk, 'echo "$HOME $PLACE"; ls -A ~')).toBe(`${desk.home} under the desk\n`);
  expect(ssh(rack, 'cd && pwd; touch here; echo "$PATH"')).toBe(`${rack.home}\n/usr/local/bin:/usr/bin:/bin\n`);
  expect([existsSync(join(rack.home, "here")), existsSync(join(desk.home, "here"))]).toEqual([true, false]);
});

test("what was started in one, detached or not, ends with it, and so do its files", async () => {
  const desk = await aMachine();
  const rack = await aMachine();
  const start = "setsid -f sleep 120 >/dev/null 2>&1 </dev/null; (sleep 120 >/dev/null 2>&1 </dev/null &); echo";
  ssh(desk, start);
  ssh(rack, start);
  expect(await until(() => desk.processes().length === 2 && rack.processes().length === 2, 10_000)).toBe(true);
  const there = desk.processes();

  await desk.stop();

  expect(await until(() => there.every((pid) => identify(pid) === undefined), 10_000)).toBe(true);
  expect(existsSync(desk.home)).toBe(false);
  expect(rack.processes()).toHaveLength(2);
});

test("it can refuse, change its key, and be gone", async () => {
  const desk = await aMachine();
  await desk.changeHostKey();
  expect(fault(desk)).toContain("REMOTE HOST IDENTIFICATION HAS CHANGED");
  const rack = await aMachine();
  rack.refuseKeys();
  expect(fault(rack)).toContain("Permission denied (publickey)");
  await rack.stopListening();
  expect(fault(rack)).toContain("Connection refused");
  expect(fault(await aMachine({ known: false }))).toContain("Host key verification failed");
});
