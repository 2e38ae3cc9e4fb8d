#!/usr/bin/env node
// Does of systemctl --user what the hive asks for, and writes down each call. It shows the calls and the unit, not that systemd takes them.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [, ...words] = process.argv.slice(2);
const { XDG_CONFIG_HOME = "", FAKE_SYSTEMD = "" } = process.env;
appendFileSync(join(FAKE_SYSTEMD, "calls"), `${process.argv.slice(2).join(" ")}\n`);
const pidFile = join(FAKE_SYSTEMD, "pid");

const lives = (pid) => {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
};
async function stop() {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  if (lives(pid)) process.kill(pid, "SIGTERM");
  for (let left = 1_000; left > 0 && lives(pid); left--) await pause(10);
  rmSync(pidFile);
}
function start() {
  const unit = readFileSync(join(XDG_CONFIG_HOME, "systemd/user/hive-registry.service"), "utf8");
  const of = (name) => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value);
  const words = (line) => [...line.matchAll(/"([^"]*)"/g)].map(([, word]) => word);
  const [command, ...args] = words(of("ExecStart")[0]);
  const env = Object.fromEntries(of("Environment").map((line) => words(line)[0].split(/=(.*)/s).slice(0, 2)));
  const log = openSync(of("StandardError")[0].replace("append:", ""), "a");
  const { pid } = spawn(command, args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...env, HOME: process.env.HOME, HIVE_DISCOVER: "false", HIVE_DEMO: "false" },
  });
  writeFileSync(pidFile, String(pid));
}

if (["stop", "restart", "disable"].includes(words[0])) await stop();
if (words[0] === "restart") start();
process.exit(0);
