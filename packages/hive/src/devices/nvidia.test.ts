import type { spawn as nodeSpawn } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../clock.ts";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { aLog } from "../testing/silent-log.ts";
import type { Files } from "./files.ts";
import { startNvidia } from "./nvidia.ts";
import { sharesProcessNumbers } from "./nvidia-proc.ts";
import type { DeviceSource } from "./source.ts";
import { aMachine, below } from "./testing/a-machine.ts";
import { aNvidiaSmi, gpuLine, type Play } from "./testing/fake-nvidia-smi.ts";
import { MIG_GPU, MIG_LIST, MIG_QUERY, PROC_INFORMATION } from "./testing/nvidia-samples.ts";

const MIB = 1_048_576;

function aSource(
  play: Play,
  options: { readonly command?: string; readonly clock?: Clock; readonly files?: Files } = {},
) {
  const smi = aNvidiaSmi(play);
  const { log, messages } = aLog();
  const source: DeviceSource = startNvidia(
    {
      clock: options.clock ?? systemClock,
      random: () => 1,
      log,
      memory: () => ({ total_bytes: 128 * MIB, available_bytes: 64 * MIB }),
      files: options.files ?? aMachine({}),
    },
    { command: options.command ?? smi.command, periodMs: 1_000 },
  );
  onTestFinished(() => source.stop());
  return { source, smi, messages };
}

/** Runs what is due next, however far away it is. */
const toNextTimer = (clock: FakeClock): void => clock.advance(clock.nextInMs() ?? 0);

test("GPUs are read from one process that keeps running", async () => {
  const { source, smi } = aSource({ gpus: [gpuLine({ index: 1, use: 90 }), gpuLine({ index: 0 })] });
  await source.settled();
  expect(source.devices()).toMatchObject([
    {
      index: 0,
      info: {
        id: "GPU-11111111-aaaa-bbbb-cccc-000000000000",
        backend: "cuda",
        name: "NVIDIA H100 80GB HBM3",
        vram_total_bytes: 81_559 * MIB,
        vram_free_bytes: 81_000 * MIB,
        utilization_percent: 12,
        driver: "590.48.01",
      },
    },
    { index: 1, info: { utilization_percent: 90 } },
  ]);
  expect(source.notes()).toEqual([]);
  expect(smi.calls()).toHaveLength(1);
  expect(smi.calls()[0]).toContain("-l 1");
});

test("a machine without nvidia-smi has no NVIDIA GPUs, and says so once and quietly", async () => {
  const { source, messages } = aSource({}, { command: "/nowhere/nvidia-smi" });
  await source.settled();
  expect(source.devices()).toEqual([]);
  expect(source.notes()).toEqual([]);
  expect(messages()).toEqual(["no nvidia-smi here: no NVIDIA GPUs are looked for"]);
  expect(await source.processes()).toBeUndefined();
});

test("a machine that has an NVIDIA GPU, but no nvidia-smi, says so: the driver is missing, or a container was not given it", async () => {
  const bus = below("/sys/bus/pci/devices/0000:01:00.0", { vendor: "0x10de\n", class: "0x030000\n" });
  const { source } = aSource({}, { command: "/nowhere/nvidia-smi", files: aMachine(bus) });
  await source.settled();
  expect(source.notes()[0]).toContain("there is no nvidia-smi here");
});

test.each([
  [
    9,
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
  ],
  [18, "Failed to initialize NVML: Driver/library version mismatch"],
  [6, "No devices were found"],
])("when nvidia-smi fails (exit %i) its reason is a note, and there are no devices", async (exit, words) => {
  const { source, messages } = aSource({ exit, words });
  await source.settled();
  expect(source.devices()).toEqual([]);
  expect(source.notes()).toEqual([`nvidia-smi failed (exit ${exit}): ${words}`]);
  expect(messages("warn")).toHaveLength(1);
});

test("an nvidia-smi that cannot even be started is a note, and tried again", async () => {
  const clock = new FakeClock();
  let tries = 0;
  const spawn = () => {
    tries++;
    throw Object.assign(new Error("spawn ENOMEM"), { code: "ENOMEM" });
  };
  const source = startNvidia(
    {
      ...{ clock, random: () => 1, log: aLog().log, memory: () => ({ total_bytes: 0, available_bytes: 0 }) },
      spawn: spawn as unknown as typeof nodeSpawn,
    },
    { command: "nvidia-smi", periodMs: 1_000 },
  );
  onTestFinished(() => source.stop());
  await source.settled();
  expect(source.notes()).toEqual(["nvidia-smi could not be started (ENOMEM)"]);
  await eventually("the next try is planned", () => clock.nextInMs() !== undefined);
  toNextTimer(clock);
  await eventually("it was tried again", () => tries === 2);
});

test("messages between the lines, and lines cut short, do not disturb the rest", async () => {
  const { source } = aSource({
    between: ["GPU 0: detected 1 uncorrectable ECC error, see dmesg", "0, GPU-1, cut", "\u0007garbage\u0000"],
    gpus: [gpuLine({ index: 0 }), gpuLine({ index: 1 })],
  });
  await source.settled();
  expect(source.devices().map(({ index }) => index)).toEqual([0, 1]);
});

test("a driver that does not know the newer fields is asked for the older ones", async () => {
  const { source, smi } = aSource({ refuse: "compute_cap", gpus: [gpuLine()] });
  await source.settled();
  expect(source.devices()).toHaveLength(1);
  expect(source.notes()).toEqual([]);
  expect(smi.calls()).toHaveLength(2);
});

test("a GPU that uses the machine's memory is given the machine's numbers, and a note says so", async () => {
  const { source } = aSource({
    gpus: [gpuLine({ name: "NVIDIA GB10", total: "[N/A]", used: "[N/A]", free: "[N/A]" })],
  });
  await source.settled();
  expect(source.devices()[0]?.info).toMatchObject({ vram_total_bytes: 128 * MIB, vram_free_bytes: 64 * MIB });
  expect(source.notes()[0]).toContain("uses the machine's");
});

test("a GPU that is to be divided, but has no parts, is listed with a note", async () => {
  const { source } = aSource({ gpus: [gpuLine({ use: "[N/A]", mig: "Enabled" })] });
  await source.settled();
  expect(source.devices()[0]?.info.utilization_percent).toBeNull();
  expect(source.notes()[0]).toContain("MIG");
});

test("when the probe fails later the devices stay, their numbers become unknown after some rounds, and it is started anew", async () => {
  const clock = new FakeClock();
  const { source, smi } = aSource({ gpus: [gpuLine()], rounds: 1, exit: 15 }, { clock });
  await eventually("the probe printed one round and failed", () => source.notes()[0]?.includes("exit 15"));
  expect(source.devices()[0]?.info.utilization_percent).toBe(12);

  smi.play({ words: "GPU is lost.  Reboot the system to recover this GPU", exit: 15 });
  toNextTimer(clock);
  await eventually("it failed again", () => source.notes()[0]?.includes("GPU is lost. Reboot"));
  expect(source.devices()[0]?.info.utilization_percent).toBe(12);
  clock.advance(1_251);
  expect(source.devices()[0]?.info).toMatchObject({
    name: "NVIDIA H100 80GB HBM3",
    vram_total_bytes: 81_559 * MIB,
    vram_free_bytes: null,
    utilization_percent: null,
    temperature_c: null,
    power_w: null,
  });

  smi.play({ gpus: [gpuLine({ use: 50 })], rounds: 1 });
  toNextTimer(clock);
  await eventually("the numbers are back", () => source.devices()[0]?.info.utilization_percent === 50);
  expect(source.notes()).toEqual([]);
});

test("a GPU that is missing in a good answer is gone", async () => {
  const { source, smi } = aSource({ gpus: [gpuLine({ index: 0 }), gpuLine({ index: 1 })], rounds: 1 });
  await source.settled();
  expect(source.devices()).toHaveLength(2);
  smi.play({ gpus: [gpuLine({ index: 1 })] });
  await eventually("one is left", () => source.devices().length === 1);
});

test("a probe that hangs for 10 s is killed and its answer is unknown; another one starts only afterwards", async () => {
  const clock = new FakeClock();
  const { source, smi } = aSource({ hang: true }, { clock });
  await eventually("the probe runs", () => smi.calls().length === 1);
  clock.advance(9_999);
  expect(source.notes()).toEqual([]);
  clock.advance(1);
  expect(source.notes()).toEqual(["nvidia-smi did not answer for 10 s"]);
  await source.settled();

  smi.play({ gpus: [gpuLine()], rounds: 1 });
  expect(smi.calls()).toHaveLength(1);
  await eventually("the dead one is gone and another is planned", () => clock.nextInMs() !== undefined);
  toNextTimer(clock);
  await eventually("it is there again", () => source.devices().length === 1);
});

test("memory by process is asked once at a time; what hangs holds up one round for a second, and is unknown after some", async () => {
  const clock = new FakeClock();
  const { source, smi } = aSource({ gpus: [gpuLine()], apps: ["4711, GPU-1, 360"] }, { clock });
  await eventually("a second round completes the first", () => source.devices().length === 1);
  const told = [{ pid: 4711, device: "GPU-1", vram_bytes: 360 * MIB }];
  expect(await source.processes()).toEqual(told);

  smi.play({ gpus: [gpuLine()], hang_apps: true });
  const appCalls = () => smi.calls().filter((line) => line.includes("compute-apps")).length;
  const late = source.processes();
  await eventually("the call hangs", () => appCalls() === 2);
  clock.advance(1_000);
  expect(await late).toEqual(told);
  expect(await source.processes()).toEqual(told);
  clock.advance(2_001);
  expect(await source.processes()).toBeUndefined();
  expect(appCalls()).toBe(2);

  smi.play({ gpus: [gpuLine()], apps: ["4711, GPU-1, 500"] });
  clock.advance(7_000);
  const now = await eventually("it was killed, and another answers", async () => {
    const answer = source.processes();
    clock.advance(0);
    return (await answer)?.[0]?.vram_bytes === 500 * MIB && answer;
  });
  expect(now).toHaveLength(1);
});

test("in a container with process numbers of its own, what a process holds is unknown instead of another process's", async () => {
  const files = aMachine({}, { "/proc/self/ns/pid": "pid:[4026532761]" });
  const { source } = aSource({ gpus: [gpuLine()], apps: ["1, GPU-1, 360"] }, { files });
  await source.settled();
  expect(await source.processes()).toBeUndefined();
  expect(source.notes()[0]).toContain("process numbers of its own");
  const outside = aMachine({}, { "/proc/self/ns/pid": "pid:[4026531836]" });
  expect([sharesProcessNumbers(outside), sharesProcessNumbers(aMachine({}))]).toEqual([true, true]);
});

test("a driver that was replaced under a running machine: the GPUs are those the kernel names, with unknown numbers", async () => {
  // A library of one version with a kernel module of another: exit 18 (mozilla/translations #1167).
  const files = aMachine({
    "/proc/driver/nvidia/gpus/0000:01:00.0/information": PROC_INFORMATION,
    "/proc/driver/nvidia/gpus/0000:0b:00.0/information": "Model: \t NVIDIA L4\nGPU UUID: \t GPU-????????-????\n",
    "/proc/driver/nvidia/gpus/0000:0c:00.0/information": "",
  });
  const words = "Failed to initialize NVML: Driver/library version mismatch";
  const { source } = aSource({ exit: 18, words }, { files });
  await source.settled();
  const unknown = { vram_total_bytes: null, vram_free_bytes: null, utilization_percent: null, driver: null };
  expect(source.devices()).toMatchObject([
    {
      index: 0,
      info: { name: "NVIDIA GeForce RTX 3080", uuid: "GPU-11111111-aaaa-bbbb-cccc-000000000020", ...unknown },
    },
    { index: 1, info: { id: "cuda-1", name: "NVIDIA L4", uuid: null, ...unknown } },
  ]);
  expect(source.notes()).toEqual([`nvidia-smi failed (exit 18): ${words}`]);
});

test("one GPU that is lost makes the probe fail for all: each is asked by itself, and only the lost one is unknown", async () => {
  const clock = new FakeClock();
  const gpus = [gpuLine({ index: 0, use: 10 }), gpuLine({ index: 1, use: 20 })];
  const { source, smi } = aSource({ gpus, rounds: 1, exit: 15 }, { clock });
  await eventually("both were seen", () => source.devices().length === 2);

  // nvidia-smi's words for it, exit 15.
  const words =
    "Unable to determine the device handle for GPU 0000:0B:00.0: GPU is lost.  Reboot the system to recover this GPU";
  smi.play({ words, exit: 15, alone: { "000000000001": gpuLine({ index: 1, use: 77 }) } });
  await eventually(
    "the one that is left was asked by itself",
    () => source.devices()[1]?.info.utilization_percent === 77,
  );
  expect(source.devices()[0]?.info).toMatchObject({ vram_free_bytes: null, utilization_percent: null });
  expect(source.devices()[0]?.info.vram_total_bytes).toBe(81_559 * MIB);
  expect(source.notes()[0]).toContain("exit 15");

  smi.play({ gpus, rounds: 1 });
  await eventually("all are back", () => {
    // Not while a call is under way: its limit is the next to come then, and time would run out for it.
    if ((clock.nextInMs() ?? 0) <= 2_000) toNextTimer(clock);
    return source.devices()[0]?.info.utilization_percent === 10;
  });
});

test("of a divided GPU its parts are listed, each with its memory and what processes hold on it", async () => {
  const { source } = aSource({
    gpus: [gpuLine({ uuid: MIG_GPU, total: 81_559, used: 11_125, free: 69_956, use: "[N/A]", mig: "Enabled" })],
    query: MIG_QUERY,
    list: MIG_LIST,
  });
  await source.settled();
  expect(source.devices()).toMatchObject([
    {
      index: 100,
      info: {
        id: "MIG-11111111-aaaa-bbbb-cccc-000000000010",
        name: "NVIDIA H100 80GB HBM3 MIG 3g.40gb",
        vram_total_bytes: 40_448 * MIB,
        vram_free_bytes: 29_357 * MIB,
        utilization_percent: null,
        temperature_c: 59,
        power_w: null,
      },
    },
    { index: 101, info: { name: "NVIDIA H100 80GB HBM3 MIG 2g.20gb", vram_free_bytes: 20_080 * MIB } },
  ]);
  expect(await source.processes()).toEqual([
    { pid: 21_180, device: "MIG-11111111-aaaa-bbbb-cccc-000000000010", vram_bytes: 2_296 * MIB },
    { pid: 21_198, device: "MIG-11111111-aaaa-bbbb-cccc-000000000010", vram_bytes: 7_484 * MIB },
  ]);
  expect(source.notes()).toEqual([
    "GPU 0 (NVIDIA H100 80GB HBM3) is divided into parts (MIG): the use of its parts is not known",
  ]);
});
