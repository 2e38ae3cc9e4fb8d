// One program: what a hive's rounds of sampling cost its own process. node sampling.mjs MAKER, of nvidia | amd | none.
// 20 workers, each a process with two children, among 500 processes and more; 8 GPUs, from captured text or from a folder like /sys.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../packages/hive/dist/clock.js";
import { filesBelow } from "../../packages/hive/dist/devices/files.js";
import { Machine } from "../../packages/hive/dist/devices/machine.js";
import { startDevices } from "../../packages/hive/dist/devices/start-devices.js";
import { UsageMeter } from "../../packages/hive/dist/workers/usage.js";
import { quantile } from "../lib/measure.mjs";

const WORKERS = 20;
const GPUS = 8;
/** Beside the workers and their children. */
const OTHERS = 440;
const ROUNDS = 40;
const PERIOD_MS = 5_000;
const SETTLE_MS = 2_000;

const [maker = "none"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "hive-bench-"));
const started = [];

const put = (path, text) => {
  mkdirSync(dirname(folder + path), { recursive: true });
  writeFileSync(folder + path, text);
};

/** Lines as an H100 prints them (captures of utkuozdemir/nvidia_gpu_exporter), anew each period. */
function nvidiaSmi(pids) {
  const uuid = (gpu) => `GPU-11111111-aaaa-bbbb-cccc-00000000000${gpu}`;
  const cells = "81559, 19818, 61262, 100, 59, 631.95, 590.48.01, 00000000:04:00.0, 9.0, Disabled";
  const lines = Array.from({ length: GPUS }, (_, gpu) => `${gpu}, ${uuid(gpu)}, NVIDIA H100 80GB HBM3, ${cells}`);
  const apps = pids.map((pid, at) => `${pid}, ${uuid(at % GPUS)}, 13526`);
  put("/gpus", `${lines.join("\n")}\n`);
  put("/apps", `${apps.join("\n")}\n`);
  const command = join(folder, "nvidia-smi");
  const loop = `while :; do cat ${folder}/gpus; sleep ${PERIOD_MS / 1_000}; done`;
  writeFileSync(command, `#!/bin/sh\ncase "$1" in *compute-apps*) exec cat ${folder}/apps;; *) ${loop};; esac\n`);
  chmodSync(command, 0o755);
  return command;
}

/** The files that amdgpu shows for each card. */
function amdCards() {
  for (let card = 0; card < GPUS; card++) {
    const device = `/sys/class/drm/card${card}/device`;
    const values = { vendor: "0x1002", device: "0x744c", gpu_busy_percent: "42", unique_id: `4fd3d0e445b9207${card}` };
    const memory = { mem_info_vram_total: "25753026560", mem_info_vram_used: "1573126144" };
    const sensors = { "hwmon/hwmon3/temp1_input": "51000", "hwmon/hwmon3/power1_average": "85000000" };
    const uevent = `DRIVER=amdgpu\nPCI_SLOT_NAME=0000:0${card}:00.0`;
    for (const [name, text] of Object.entries({ ...values, ...memory, ...sensors, uevent })) {
      put(`${device}/${name}`, `${text}\n`);
    }
  }
}

const alive = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length;

function startWorkers() {
  const tree = "sleep 600 & sleep 600 & wait";
  for (let at = 0; at < WORKERS; at++) started.push(spawn("sh", ["-c", tree], { detached: true, stdio: "ignore" }));
  const many = `for i in $(seq ${OTHERS}); do sleep 600 & done; wait`;
  started.push(spawn("sh", ["-c", many], { detached: true, stdio: "ignore" }));
  return started.slice(0, WORKERS).map(({ pid }) => pid);
}

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing };
const cpuMs = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let machine;
try {
  const pids = startWorkers();
  if (maker === "amd") amdCards();
  const command = maker === "nvidia" ? nvidiaSmi(pids) : "/nowhere/nvidia-smi";
  await pause(SETTLE_MS);
  const deps = { clock: systemClock, random: Math.random, log, files: filesBelow(folder) };
  machine = new Machine(startDevices(deps, { nvidiaSmi: command, periodMs: PERIOD_MS, platform: "linux" }));
  const meter = new UsageMeter({ clock: systemClock });
  await machine.settled();

  // As Fleet.sample does it, and what a heartbeat then reads.
  const costs = [];
  let seen;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    machine.sample();
    const held = machine.devices().length > 0 ? await machine.processes() : undefined;
    seen = await meter.measure(pids, machine.devices(), held);
    machine.info();
    costs.push(cpuMs(before));
  }

  // A whole hive's time: one round each period, and what its sources do by themselves in between.
  const before = process.cpuUsage();
  const startedAt = performance.now();
  while (performance.now() - startedAt < 2 * PERIOD_MS) {
    machine.sample();
    const held = machine.devices().length > 0 ? await machine.processes() : undefined;
    await meter.measure(pids, machine.devices(), held);
    await pause(PERIOD_MS);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const result = {
    workers: seen.size,
    gpus: machine.devices().length,
    processes: alive(),
    attributed: [...seen.values()].filter(({ vram_bytes }) => vram_bytes !== undefined).length,
    round_ms: quantile(costs, 0.5),
    worst_round_ms: Math.max(...costs.slice(5)),
    ms_per_s: cpuMs(before) / seconds,
  };
  console.log(JSON.stringify(result));
} finally {
  await machine?.stop();
  for (const { pid } of started) process.kill(-pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
