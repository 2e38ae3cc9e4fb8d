import { mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { until } from "../processes/signal.ts";
import { artifacts } from "../testing/artifacts.ts";
import { machines } from "../testing/machines.ts";
import { aServer } from "../testing/server.ts";
import type { Sshd } from "../testing/sshd.ts";
import type { Artifacts } from "./artifacts.ts";
import type { HiveSettings, Machine } from "./machine.ts";
import { openMachine } from "./open-machine.ts";

const { aMachine, afterwards } = machines();
const files = artifacts();

function open(sshd: Sshd, of: Artifacts = files.of("1.0.0"), more: Partial<Sshd["ssh"]> = {}): Machine {
  const machine = openMachine({ env: process.env }, { ssh: { ...sshd.ssh, ...more }, artifacts: of });
  afterwards(() => machine.close());
  return machine;
}

const SETTINGS: HiveSettings = {
  hive_id: "desk",
  queen_id: "queen-1",
  queen_url: "http://127.0.0.1:7833",
  port: 0,
  join_token: "join-s3cret",
  service: false,
};
const asked = { queen_url: SETTINGS.queen_url, port: 0 };

async function added(machine: Machine, settings: HiveSettings = SETTINGS): Promise<{ line: string; port: number }> {
  const line = await machine.install(await machine.preflight(asked), {});
  const { port } = await machine.start(settings);
  return { line, port };
}

const all = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory())
    .toSorted();

test("a hive is brought to a clean account and started; again, there is nothing to do", async () => {
  const sshd = await aMachine();
  const machine = open(sshd);
  expect(await machine.resolve()).toMatchObject({ hostname: "127.0.0.1", port: sshd.port });
  const found = await machine.preflight(asked);
  expect(found).toMatchObject({ os: "linux", queen: "out of reach", port_taken: false, services: "none" });
  expect(found.disk_free_bytes).toBeGreaterThan(1e6);
  expect(found.memory_total_bytes).toBeGreaterThan(1e8);
  expect(found.node?.version).toMatch(/^\d+\./);
  expect(found.installed).toBeUndefined();
  expect(all(sshd.home)).toEqual([]);

  expect(await machine.install(found, {})).toMatch(/^1\.0\.0-[0-9a-f]{12} brought/);
  const started = await machine.start(SETTINGS);

  expect(started).toEqual({
    version: expect.stringMatching(/^1\.0\.0-/),
    port: expect.any(Number),
    already_running: false,
  });
  const data = join(sshd.home, ".local", "share", "hive");
  expect(readlinkSync(join(data, "current"))).toBe(started.version);
  expect(statSync(join(sshd.home, ".config", "hive", "join-token")).mode & 0o777).toBe(0o600);
  const running = { hive_id: "desk", queen_id: "queen-1", port: started.port, running: true };
  expect(await machine.status()).toMatchObject(running);
  expect(await machine.logs({ tail_bytes: 1_000 })).toContain("listening at");

  const again = open(sshd, files.of("1.0.0"));
  const seen = await again.preflight({ ...asked, port: started.port });
  expect(seen.installed).toMatchObject(running);
  expect(seen.port_taken).toBe(false);
  expect(await again.install(seen, {})).toMatch(/is installed already: nothing to do$/);
  expect(await again.start(SETTINGS)).toEqual({ ...started, already_running: true });
});

test("uninstalling removes what was brought and made, and nothing else", async () => {
  const sshd = await aMachine();
  const machine = open(sshd);
  expect(await machine.uninstall()).toBe(false);
  await added(machine);

  expect(await machine.uninstall()).toBe(true);
  expect(all(sshd.home)).toEqual([]);
  expect(readdirSync(sshd.home)).toEqual([]);
  expect(await until(() => sshd.processes().length <= 1, 10_000)).toBe(true);
  expect(await machine.uninstall()).toBe(false);

  const theirs = [
    ".local/share/hive/models/m.gguf",
    ".local/share/hive/notes/hive.mjs",
    ".config/hive/hive.toml",
    ".local/state/hive/hive-other.pid",
    ".local/state/hive/logs/hive-other.log",
    ".local/state/hive/logs/worker-w.log",
  ].toSorted();
  for (const name of theirs) {
    mkdirSync(join(sshd.home, name, ".."), { recursive: true });
    writeFileSync(join(sshd.home, name), "theirs");
  }
  await added(machine);
  expect(await machine.uninstall()).toBe(true);
  expect(all(sshd.home)).toEqual(theirs);
});

test("another version takes the place of the one that runs, which is kept to go back to; older ones go", async () => {
  const sshd = await aMachine();
  const data = join(sshd.home, ".local", "share", "hive");
  const versions = () => readdirSync(data).filter((name) => /^\d/.test(name));
  const link = (name: string) => readlinkSync(join(data, name));
  await added(open(sshd, files.of("1.0.0")));
  await added(open(sshd, files.of("1.1.0")));
  const machine = open(sshd, files.of("1.2.0"));
  const before = await machine.status();

  await machine.install(await machine.preflight(asked), {});
  expect(link("current")).toMatch(/^1\.1\.0-/);
  expect(await machine.check()).toBe("it runs");
  expect(await machine.status()).toEqual(before);

  const started = await machine.start(SETTINGS);
  expect(started).toMatchObject({ version: link("current"), already_running: false });
  expect([link("current").slice(0, 5), link("previous").slice(0, 5)]).toEqual(["1.2.0", "1.1.0"]);
  expect(versions()).toHaveLength(2);

  const back = await machine.rollBack();
  expect(back).toMatchObject({ version: link("current"), already_running: false });
  expect(link("current")).toMatch(/^1\.1\.0-/);
  expect(await machine.status()).toMatchObject({ running: true, port: back.port });
  await expect(machine.rollBack()).rejects.toMatchObject({
    code: "MACHINE_FAILED",
    message: "Going back to the version before failed on machine: there is no version before this one",
  });
});

test("it is stopped and started again with the settings that it has", async () => {
  const machine = open(await aMachine());
  expect(await machine.stop()).toBe(false);
  await expect(machine.startAgain()).rejects.toMatchObject({
    code: "MACHINE_FAILED",
    message: "No hive is installed on machine. Add it with: hive add machine",
  });
  await added(machine);
  expect(await machine.stop()).toBe(true);
  expect(await machine.stop()).toBe(false);
  expect(await machine.status()).toMatchObject({ running: false });
  expect(await machine.startAgain()).toMatchObject({ already_running: false });
  expect(await machine.startAgain()).toMatchObject({ already_running: true });
});

test("what is reached from there, and what is taken there, is found by whatever is there to ask with", async () => {
  const port = await aServer(afterwards);
  const queen_url = `http://127.0.0.1:${port}`;
  const ways = [
    [],
    ["curl"],
    ["curl", "wget"],
    ["curl", "wget", "node", "nodejs"],
    ["curl", "wget", "node", "nodejs", "ss"],
  ];
  for (const gone of ways) {
    const machine = open(await aMachine({ path: files.pathWithout(...gone) }));
    const here = await machine.preflight({ queen_url, port });
    expect([gone, here.queen, here.port_taken]).toEqual([gone, "reached", true]);
    const nowhere = await machine.preflight({ queen_url: "http://127.0.0.1:1", port: 1 });
    expect([gone, nowhere.queen, nowhere.port_taken]).toEqual([gone, "out of reach", false]);
  }
}, 90_000);
