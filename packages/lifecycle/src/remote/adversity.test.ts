import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { until } from "../processes/signal.ts";
import { artifacts } from "../testing/artifacts.ts";
import { machines } from "../testing/machines.ts";
import { aServer } from "../testing/server.ts";
import type { Sshd } from "../testing/sshd.ts";
import { type Artifacts, artifactOf } from "./artifacts.ts";
import type { HiveSettings, Machine } from "./machine.ts";
import { openMachine } from "./open-machine.ts";

const { aMachine, afterwards } = machines();
const files = artifacts();

function open(sshd: Sshd, of: Artifacts = files.of("1.0.0")): Machine {
  const machine = openMachine({ env: process.env }, { ssh: sshd.ssh, artifacts: of });
  afterwards(() => machine.close());
  return machine;
}

const SETTINGS: HiveSettings = {
  ...{ hive_id: "desk", queen_id: "queen-1", queen_url: "http://127.0.0.1:7833", port: 0, service: false },
};
const asked = { queen_url: SETTINGS.queen_url, port: 0 };
const dataOf = (sshd: Sshd) => join(sshd.home, ".local", "share", "hive");
const remainsIn = (sshd: Sshd) => readdirSync(dataOf(sshd)).filter((name) => name.startsWith(".new-"));

/** As another one, but with an agent so large that its copy can be cut. */
async function large(of: Artifacts): Promise<Artifacts> {
  const { path, version } = await of.agent();
  writeFileSync(path, `//${"x".repeat(60_000_000)}\n`, { flag: "a" });
  afterwards(() => rmSync(path, { force: true }));
  return { ...of, agent: async () => ({ ...(await artifactOf(path, version)), version: `${version}-large` }) };
}

test("a copy that is cut leaves what was there, and the next one sweeps its remains away and finishes", async () => {
  const sshd = await aMachine();
  const machine = open(sshd);
  await machine.install(await machine.preflight(asked), {});
  const before = await machine.start(SETTINGS);

  const next = open(sshd, await large(files.of("2.0.0")));
  const found = await next.preflight(asked);
  const copying = next.install(found, {});
  copying.catch(() => undefined);
  expect(await until(() => remainsIn(sshd).length > 0, 20_000)).toBe(true);
  sshd.cut();
  await expect(copying).rejects.toMatchObject({ code: "SSH_FAILED", message: expect.stringContaining("was lost") });

  expect(await machine.status()).toMatchObject({ running: true, port: before.port });
  expect(readdirSync(dataOf(sshd)).filter((name) => name.startsWith("2.0.0"))).toEqual([]);
  mkdirSync(join(dataOf(sshd), ".new-of-one-that-was-killed"));
  expect(await next.install(found, {})).toContain("brought");
  expect(remainsIn(sshd)).toEqual([]);
  expect(await next.start(SETTINGS)).toMatchObject({ already_running: false });
});

test("an installed file that was damaged is brought again", async () => {
  const sshd = await aMachine();
  const machine = open(sshd);
  const found = await machine.preflight(asked);
  await machine.install(found, {});
  const [version = ""] = readdirSync(dataOf(sshd)).filter((name) => name.startsWith("1.0.0"));
  const file = join(dataOf(sshd), version, "hive.mjs");
  const whole = readFileSync(file, "utf8");
  writeFileSync(file, whole.slice(0, 100));
  expect(await machine.install(found, {})).toContain("brought");
  expect(readFileSync(file, "utf8")).toBe(whole);
});

test("cancelled in the middle of a copy it stops at once, and the same again finishes", async () => {
  const sshd = await aMachine();
  const machine = open(sshd, await large(files.of("1.0.0")));
  const found = await machine.preflight(asked);
  const user = new AbortController();
  const copying = machine.install(found, {}, { signal: user.signal });
  copying.catch(() => undefined);
  expect(await until(() => existsSync(dataOf(sshd)) && remainsIn(sshd).length > 0, 20_000)).toBe(true);
  user.abort();
  await expect(copying).rejects.toMatchObject({ code: "CANCELLED", message: "It was cancelled: Bringing the hive" });
  expect(await machine.install(found, {})).toContain("brought");
});

test("a disk without room is told before anything is brought, and also when it fills up on the way", async () => {
  const df = "echo Filesystem; echo '/dev/sda1 1000 990 10 99% /'";
  const small = open(await aMachine({ path_before: [files.pathWith("df", df)] }));
  const found = await small.preflight(asked);
  expect(found.disk_free_bytes).toBe(10_240);
  await expect(small.install(found, {})).rejects.toMatchObject({
    code: "NO_SPACE",
    message: expect.stringMatching(/^machine has no room for the hive: it needs \d+ MB, and 1 MB are free$/),
  });

  const cat = 'command=$(head -c 1000); echo "cat: write error: No space left on device" >&2; exit 1';
  const full = open(await aMachine({ path_before: [files.pathWith("cat", cat)] }));
  await expect(full.install({ ...found, disk_free_bytes: 1e9 }, {})).rejects.toMatchObject({
    code: "NO_SPACE",
    message: "machine has no room for the hive: its disk is full",
    details: { output_tail: expect.stringContaining("No space left") },
  });
});

test("a machine without Node gets one, which runs its hive and goes with it", async () => {
  const sshd = await aMachine({ path: files.pathWithout("node", "nodejs") });
  const machine = open(sshd);
  const found = await machine.preflight(asked);
  expect(found.node).toBeUndefined();

  expect(await machine.install(found, {})).toContain(`with Node ${process.versions.node}`);
  await machine.start(SETTINGS);

  const there = await machine.preflight(asked);
  expect(there.node?.path).toBe(join(dataOf(sshd), "node", `v${process.versions.node}`, "bin", "node"));
  expect(await machine.install(there, {})).toContain("nothing to do");
  expect(await machine.uninstall()).toBe(true);
  expect(readdirSync(sshd.home)).toEqual([]);
});

test("a Node that does not run there is told, and none is left", async () => {
  const sshd = await aMachine({ path: files.pathWithout("node", "nodejs") });
  const other = files.of("1.0.0");
  const machine = open(sshd, { ...other, node: async () => ({ ...(await other.agent()), version: "20.19.0" }) });
  await expect(machine.install(await machine.preflight(asked), {})).rejects.toMatchObject({
    code: "NODE_MISSING",
    message: expect.stringContaining("Install Node there, and try again"),
  });
  expect(existsSync(join(dataOf(sshd), "node"))).toBe(false);
});

test("a port that another program has, and a hive that another queen manages, are told by the machine's program", async () => {
  const machine = open(await aMachine());
  await machine.install(await machine.preflight(asked), {});
  const port = await aServer(afterwards);
  await expect(machine.start({ ...SETTINGS, port })).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: `Port ${port} is taken by another program: choose another with --port`,
  });
  expect((await machine.preflight({ ...asked, port })).port_taken).toBe(true);

  await expect(machine.start({ ...SETTINGS, queen_id: "queen-2" })).rejects.toMatchObject({
    code: "MANAGED_ELSEWHERE",
  });
  const mine = { ...SETTINGS, queen_id: "queen-2", take_over: true };
  expect(await machine.start(mine)).toMatchObject({ already_running: false });
  expect(await machine.status()).toMatchObject({ queen_id: "queen-2" });
});

test("a program that is broken there is told by its own last words", async () => {
  const sshd = await aMachine();
  const machine = open(sshd);
  await machine.install(await machine.preflight(asked), {});
  const [version = ""] = readdirSync(dataOf(sshd)).filter((name) => name.startsWith("1.0.0"));
  writeFileSync(join(dataOf(sshd), version, "hive.mjs"), 'throw new Error("no such luck")');
  await expect(machine.start(SETTINGS)).rejects.toMatchObject({
    code: "MACHINE_FAILED",
    details: { output_tail: expect.stringContaining("no such luck") },
  });
});

test("an engine that cannot be brought is told before anything is", async () => {
  const sshd = await aMachine();
  const machine = open(sshd);
  await expect(machine.install(await machine.preflight(asked), { with_llama: true })).rejects.toMatchObject({
    code: "ENGINE_MISSING",
  });
  expect(readdirSync(sshd.home)).toEqual([]);
});
