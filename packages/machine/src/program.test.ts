/** The built program, in homes of its own. */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identify, LOG_BYTES_MAX } from "@hive-registry/lifecycle";
import { expect, onTestFinished, test, vi } from "vitest";
import { checkHive } from "./check.ts";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const SYSTEMCTL = fileURLToPath(new URL("testing/systemctl.mjs", import.meta.url));
const SETTINGS = {
  hive_id: "desk",
  queen_id: "first-queen",
  queen_url: "http://127.0.0.1:7",
  port: 0,
  join_token: "a-join-token",
  service: false,
};

function anAccount() {
  const home = mkdtempSync(join(tmpdir(), "hive-machine-test-"));
  const bin = join(home, "bin");
  mkdirSync(bin);
  symlinkSync(SYSTEMCTL, join(bin, "systemctl"));
  const env = {
    ...{ PATH: `${bin}:${process.env.PATH}`, HOME: home, XDG_CONFIG_HOME: join(home, "config") },
    ...{ XDG_STATE_HOME: join(home, "state"), FAKE_SYSTEMD: home, HIVE_DISCOVER: "false", HIVE_DEMO: "false" },
  };
  const say = (words: readonly string[], settings?: object) => {
    const input = settings === undefined ? "" : JSON.stringify(settings);
    const { stdout, status } = spawnSync(process.execPath, [MAIN, ...words], { env, input, encoding: "utf8" });
    expect(stdout.split("\n")).toHaveLength(2);
    return { ...JSON.parse(stdout), status };
  };
  onTestFinished(() => {
    say(["service", "remove"]);
    say(["stop"]);
    rmSync(home, { recursive: true, force: true });
  });
  return {
    home,
    say,
    pid: () => JSON.parse(readFileSync(join(home, "state/hive/hive-desk.pid"), "utf8")).pid as number,
  };
}

/** One that ended and that nobody waited for is not there. */
const isThere = (pid: number): boolean => identify(pid) !== undefined;

test("a hive is configured, started once, described, started anew when something changed, and ended", () => {
  const { say, pid, home } = anAccount();
  expect(say(["start"])).toMatchObject({ error: { code: "HIVE_NOT_FOUND" }, status: 1 });
  expect(say(["configure"], SETTINGS)).toMatchObject({ changed: true, status: 0 });
  expect(say(["configure"], SETTINGS)).toMatchObject({ changed: false, status: 0 });
  for (const file of ["machine.json", "join-token"]) {
    expect(statSync(join(home, "config/hive", file)).mode & 0o777).toBe(0o600);
  }
  expect(readFileSync(join(home, "config/hive/machine.json"), "utf8")).not.toContain(SETTINGS.join_token);

  expect(say(["start"])).toMatchObject({ already_running: false, status: 0 });
  const first = pid();
  expect(readFileSync(`/proc/${first}/cmdline`, "utf8")).not.toContain(SETTINGS.join_token);
  expect(say(["start"])).toMatchObject({ already_running: true });
  expect(say(["status"])).toMatchObject({ hive_id: "desk", queen_id: "first-queen", running: true, service: false });
  expect(pid()).toBe(first);

  say(["configure"], { ...SETTINGS, queen_url: "http://127.0.0.1:9" });
  expect(say(["start"])).toMatchObject({ already_running: false });
  expect(isThere(first)).toBe(false);
  const second = pid();
  expect(say(["stop"])).toMatchObject({ stopped: true });
  expect(isThere(second)).toBe(false);
  expect(say(["stop"])).toMatchObject({ stopped: false });
  expect(say(["status"])).toMatchObject({ running: false });
});

test("another queen's hive is left alone, until it shall be taken over", () => {
  const { say } = anAccount();
  say(["configure"], SETTINGS);
  const other = { ...SETTINGS, queen_id: "second-queen" };
  expect(say(["configure"], other)).toMatchObject({
    status: 1,
    error: { code: "MANAGED_ELSEWHERE", details: { hive_id: "desk", queen_id: "first-queen" } },
  });
  expect(say(["configure"], { ...SETTINGS, hive_id: "rack" })).toMatchObject({ error: { code: "MANAGED_ELSEWHERE" } });
  expect(say(["status"])).toMatchObject({ queen_id: "first-queen" });
  const { join_token: _, ...without } = other;
  expect(say(["configure"], { ...without, take_over: true })).toMatchObject({ changed: true });
  // The token was the other queen's.
  expect(say(["status"]).join_token_sha256).toBeUndefined();
});

test("settings that cannot be are refused, each field by its name", () => {
  const { say } = anAccount();
  const { error } = say(["configure"], { ...SETTINGS, hive_id: "../x", queen_url: "ftp://a", port: -1, more: 1 });
  expect(error.details.map(({ path }: { path: string }) => path).toSorted()).toEqual([
    ...["/hive_id", "/more", "/port", "/queen_url"],
  ]);
});

test("a version that is checked finds the queen, or says that it does not, and starts nothing", async () => {
  const { say } = anAccount();
  const queen = createServer((_, reply) => void reply.end("{}")).listen(0, "127.0.0.1");
  onTestFinished(() => void queen.close());
  await new Promise((resolve) => queen.once("listening", resolve));
  say(["configure"], { ...SETTINGS, queen_url: "http://127.0.0.1:1" });
  expect(say(["check"])).toMatchObject({ status: 1, error: { code: "QUEEN_OUT_OF_REACH" } });
  // Not by the program, for this process waits while that one runs.
  const settings_file = join(mkdtempSync(join(tmpdir(), "hive-check-test-")), "machine.json");
  onTestFinished(() => rmSync(join(settings_file, ".."), { recursive: true, force: true }));
  const { join_token: _, ...stored } = SETTINGS;
  const queen_url = `http://127.0.0.1:${(queen.address() as AddressInfo).port}`;
  writeFileSync(settings_file, JSON.stringify({ ...stored, queen_url }));
  const at = (name: string) => join(settings_file, "..", name);
  const places = { program: "", version: "1", settings_file, join_token_file: at("token"), state_dir: at("state") };
  expect(await checkHive({ ...places, started_file: at("s"), lock_file: at("l") }, {})).toMatchObject({
    ...{ version: "1", hive_id: "desk", queen_url, ram_total_bytes: expect.any(Number) },
  });
  expect(say(["status"])).toMatchObject({ running: false });
});

test("as a service the hive is started, ended and forgotten by systemctl (a fake one, that runs what the unit says)", () => {
  const { say, pid, home } = anAccount();
  say(["configure"], { ...SETTINGS, service: true });
  expect(say(["start"])).toMatchObject({ already_running: false, note: expect.stringContaining("enable-linger") });
  const first = pid();
  expect(say(["start"])).toMatchObject({ already_running: true });
  expect(say(["status"])).toMatchObject({ running: true, service: true });
  expect(say(["logs", "--tail-bytes", "5000"]).text).toContain("listening on http://127.0.0.1:");
  expect(readFileSync(join(home, "calls"), "utf8").split("\n")).toEqual([
    ...["--user daemon-reload", "--user enable hive-registry.service", "--user restart hive-registry.service", ""],
  ]);

  say(["configure"], SETTINGS);
  expect(say(["start"])).toMatchObject({ already_running: false });
  expect(isThere(first)).toBe(false);
  expect(pid()).not.toBe(first);
  expect(readFileSync(join(home, "calls"), "utf8")).toContain("--user disable --now hive-registry.service\n");
});

test("a hive that runs puts its log aside when it is crowded, and writes on at its beginning", {
  timeout: 60_000,
}, async () => {
  const { say, pid, home } = anAccount();
  say(["configure"], SETTINGS);
  expect(say(["start"])).toMatchObject({ already_running: false });
  const log = join(home, "state/hive/logs/hive-desk.log");
  const first = pid();
  // As if it had written them itself: it appends, and so does this.
  const line = `${"x".repeat(1_023)}\n`;
  appendFileSync(log, line.repeat(Math.ceil(LOG_BYTES_MAX / line.length) + 1));

  // It looks every few seconds.
  await vi.waitUntil(() => statSync(log).size < LOG_BYTES_MAX, { timeout: 40_000, interval: 50 });
  expect(statSync(`${log}.1`).size).toBe(LOG_BYTES_MAX);
  expect(statSync(log).size).toBeLessThan(line.length * 100);
  expect(statSync(`${log}.1`).mode & 0o077).toBe(0);
  expect(isThere(first)).toBe(true);
  expect(say(["stop"])).toMatchObject({ stopped: true });
  // What it says at its end stands in the emptied log, not behind a hole of zeros.
  expect(readFileSync(log, "latin1")).not.toContain("\0");
});
