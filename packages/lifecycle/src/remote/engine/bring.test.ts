import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { until } from "../../processes/signal.ts";
import { artifacts } from "../../testing/artifacts.ts";
import { machines } from "../../testing/machines.ts";
import type { Sshd } from "../../testing/sshd.ts";
import type { Artifacts } from "../artifacts.ts";
import type { HiveSettings, Machine } from "../machine.ts";
import { openMachine } from "../open-machine.ts";
import { bundledEngine } from "./engine.ts";

const { aMachine, afterwards } = machines();
const files = artifacts();

const SETTINGS: HiveSettings = {
  ...{ hive_id: "desk", queen_id: "queen-1", queen_url: "http://127.0.0.1:7833", port: 0, service: false },
};
const asked = { queen_url: SETTINGS.queen_url, port: 0 };
const RUNS = "export const getLlama = async () => ({ dispose: async () => undefined });";
const RUNS_NOT = "export const getLlama = async () => { throw new Error('no binary for musl'); };";

/** What a queen brings whose llama.cpp is this text. */
function bringing(release: string, llama: string): Artifacts {
  const root = mkdtempSync(join(tmpdir(), "hive-bring-test-"));
  afterwards(() => rmSync(root, { recursive: true, force: true }));
  const modules = join(root, "node_modules");
  const contents = {
    "@hive-registry/worker/package.json": "{}",
    "@hive-registry/worker/dist/bundle.js": "",
    "@hive-registry/worker/dist/index.bundle.js": "",
    "node-llama-cpp/package.json": JSON.stringify({ name: "node-llama-cpp", type: "module", exports: "./index.js" }),
    "node-llama-cpp/index.js": llama,
  };
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    writeFileSync(join(modules, name), content);
  }
  return { ...files.of(release), engine: (system) => bundledEngine(root, system) };
}

function open(sshd: Sshd, of: Artifacts): Machine {
  const machine = openMachine({ env: process.env }, { ssh: sshd.ssh, artifacts: of });
  afterwards(() => machine.close());
  return machine;
}

const dataOf = (sshd: Sshd) => join(sshd.home, ".local", "share", "hive");
const enginesOn = (sshd: Sshd) => readdirSync(join(dataOf(sshd), "engines"));
/** The engine that the hive uses which runs. */
const usedOn = (sshd: Sshd) => readlinkSync(join(dataOf(sshd), "current", "node_modules")).split("/")[2];
const isBeingBrought = (sshd: Sshd) =>
  existsSync(dataOf(sshd)) &&
  readdirSync(dataOf(sshd)).some((name) => name.startsWith(".new-") && existsSync(join(dataOf(sshd), name, "engine")));

async function installed(sshd: Sshd, of: Artifacts, options: { readonly with_llama?: boolean } = {}) {
  const machine = open(sshd, of);
  const line = await machine.install(await machine.preflight(asked), options);
  await machine.start(SETTINGS);
  return { machine, line };
}

test("an engine that was brought goes along with each new version of the hive, and with the one before", async () => {
  const sshd = await aMachine();
  const first = await installed(sshd, bringing("1.0.0", RUNS), { with_llama: true });
  expect(first.line).toMatch(/; inference engine [0-9a-f]{12} brought \(0 MB\)$/);
  const [engine] = enginesOn(sshd);
  expect(usedOn(sshd)).toBe(engine);

  const second = await installed(sshd, bringing("2.0.0", RUNS));
  expect(second.line).toMatch(/; inference engine [0-9a-f]{12} was there$/);
  const third = await installed(sshd, bringing("3.0.0", `${RUNS} // newer`));
  expect(third.line).toMatch(/; inference engine [0-9a-f]{12} brought/);
  expect(enginesOn(sshd)).toHaveLength(2);
  expect(usedOn(sshd)).not.toBe(engine);
  await third.machine.rollBack();
  expect(usedOn(sshd)).toBe(engine);

  const fourth = await installed(sshd, files.of("4.0.0"));
  expect(fourth.line).not.toContain("inference engine");
  expect(usedOn(sshd)).toBe(engine);
  expect(enginesOn(sshd)).toEqual([engine]);
  expect(await fourth.machine.uninstall()).toBe(true);
  expect(readdirSync(sshd.home)).toEqual([]);
});

test("an engine that is there whole is not brought again, and one that was damaged is", async () => {
  const sshd = await aMachine();
  const of = bringing("1.0.0", RUNS);
  const { machine } = await installed(sshd, of, { with_llama: true });
  const again = async () => machine.install(await machine.preflight(asked), { with_llama: true });
  expect(await again()).toMatch(/^1\.0\.0-\w+ is installed already, with the inference engine \w+: nothing to do$/);

  const file = join(dataOf(sshd), "current", "node_modules", "node-llama-cpp", "index.js");
  writeFileSync(file, RUNS.slice(0, 20));
  expect(await again()).toMatch(/inference engine \w+ brought/);
  expect(readFileSync(file, "utf8")).toBe(RUNS);
});

test("an engine that was cut in the middle of the copy leaves no half of it, and is finished the next time", async () => {
  const sshd = await aMachine();
  const machine = open(sshd, bringing("1.0.0", `${RUNS}//${"x".repeat(60_000_000)}`));
  const found = await machine.preflight(asked);
  const copying = machine.install(found, { with_llama: true });
  copying.catch(() => undefined);
  expect(await until(() => isBeingBrought(sshd), 20_000)).toBe(true);
  sshd.cut();
  await expect(copying).rejects.toMatchObject({ code: "SSH_FAILED" });
  expect(enginesOn(sshd)).toEqual([]);

  expect(await machine.install(found, { with_llama: true })).toMatch(/inference engine \w+ brought \(60 MB\)$/);
  expect(enginesOn(sshd)).toHaveLength(1);
  expect(isBeingBrought(sshd)).toBe(false);
});

test("a disk that has room for the hive and not for the engine is told before anything is brought", async () => {
  const sshd = await aMachine();
  const machine = open(sshd, bringing("1.0.0", `${RUNS}//${"x".repeat(10_000_000)}`));
  const found = { ...(await machine.preflight(asked)), disk_free_bytes: 20_000_000 };
  await expect(machine.install(found, { with_llama: true })).rejects.toMatchObject({ code: "NO_SPACE" });
  expect(readdirSync(dataOf(sshd))).toEqual([".made"]);
  expect(await machine.install(found, {})).toContain("brought");
});

test("an engine that does not run there is told with its last words, and none is left", async () => {
  const sshd = await aMachine();
  const machine = open(sshd, bringing("1.0.0", RUNS_NOT));
  await expect(machine.install(await machine.preflight(asked), { with_llama: true })).rejects.toMatchObject({
    code: "ENGINE_MISSING",
    message: expect.stringContaining("does not run on machine"),
    details: { output_tail: expect.stringContaining("no binary for musl") },
  });
  expect(enginesOn(sshd)).toEqual([]);
});
