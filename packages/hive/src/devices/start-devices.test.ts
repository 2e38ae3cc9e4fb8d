import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { aLog } from "../testing/silent-log.ts";
import type { Files } from "./files.ts";
import { Machine } from "./machine.ts";
import { startDevices } from "./start-devices.ts";
import { aMachine, below } from "./testing/a-machine.ts";
import { M1_PRO_IOREG, M4_DISPLAYS } from "./testing/apple-samples.ts";
import { arcB580, kfdNodes, rx7900 } from "./testing/card-samples.ts";
import { aNvidiaSmi, gpuLine, type Play } from "./testing/fake-nvidia-smi.ts";
import { aRun, type Plays } from "./testing/fake-run.ts";

const GIB = 2 ** 30;

function aSystem(
  play: Play | undefined,
  {
    files = aMachine({}),
    platform = "linux",
    plays = {},
  }: { files?: Files; platform?: NodeJS.Platform; plays?: Plays } = {},
) {
  const clock = new FakeClock();
  const memory = () => ({ total_bytes: 64 * GIB, available_bytes: 48 * GIB });
  const nvidiaSmi = play === undefined ? "/nowhere/nvidia-smi" : aNvidiaSmi(play).command;
  const deps = { clock, random: () => 1, log: aLog().log, files, run: aRun(plays).run, memory };
  const machine = new Machine(startDevices(deps, { nvidiaSmi, periodMs: 5_000, platform }), memory);
  onTestFinished(() => machine.stop());
  return { machine, clock };
}

const nvidiaOnBus = (address: string) =>
  below(`/sys/bus/pci/devices/${address}`, { vendor: "0x10de\n", class: "0x030200\n" });

test("a machine with only a processor has no devices and nothing to note", async () => {
  const { machine } = aSystem(undefined);
  await machine.settled();
  expect(machine.info()).toMatchObject({ devices: [], ram_total_bytes: 64 * GIB, ram_available_bytes: 48 * GIB });
  expect(machine.info()).not.toHaveProperty("notes");
  expect(await machine.processes()).toBeUndefined();
});

test("GPUs of three makers in one machine have numbers of their own, NVIDIA's first", async () => {
  const files = aMachine({
    ...nvidiaOnBus("0000:01:00.0"),
    ...nvidiaOnBus("0000:02:00.0"),
    ...rx7900(0, "0000:03:00.0"),
    ...arcB580(1, "0000:04:00.0"),
    ...kfdNodes({ minor: 128, simds: 192 }),
  });
  const { machine, clock } = aSystem({ gpus: [gpuLine({ index: 0 }), gpuLine({ index: 1 })] }, { files });
  await eventually("nvidia-smi printed its round", () => (clock.nextInMs() ?? Number.POSITIVE_INFINITY) <= 250);
  clock.advance(250);
  await machine.settled();
  expect(machine.devices().map(({ index, info }) => [index, info.backend])).toEqual([
    [0, "cuda"],
    [1, "cuda"],
    [2, "rocm"],
    [3, "vulkan"],
  ]);
  expect(machine.info().devices.map(({ index, memory }) => [index, memory])).toEqual(
    [0, 1, 2, 3].map((index) => [index, undefined]),
  );
});

test("an nvidia-smi that hangs holds up nobody: AMD's cards are there at once, and NVIDIA's place is kept", async () => {
  const files = aMachine({ ...nvidiaOnBus("0000:01:00.0"), ...rx7900(0, "0000:03:00.0") });
  const { machine, clock } = aSystem({ hang: true }, { files });
  await eventually("the other card was read", () => machine.devices()[0]?.info.utilization_percent === 42);
  expect(machine.devices().map(({ index }) => index)).toEqual([1]);
  clock.advance(10_000);
  await machine.settled();
  expect(machine.info().notes).toEqual(["nvidia-smi did not answer for 10 s"]);
});

test("on a Mac the GPU is asked of macOS; on other systems than Linux only nvidia-smi is", async () => {
  const mac = aSystem(undefined, { platform: "darwin", plays: { system_profiler: M4_DISPLAYS, ioreg: M1_PRO_IOREG } });
  await mac.machine.settled();
  expect(mac.machine.info().devices).toMatchObject([{ index: 0, backend: "metal", memory: "unified" }]);
  const windows = aSystem(undefined, { platform: "win32", files: aMachine(rx7900()) });
  await windows.machine.settled();
  expect(windows.machine.devices()).toEqual([]);
});
