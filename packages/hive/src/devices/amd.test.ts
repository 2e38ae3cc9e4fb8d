import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { startAmd } from "./amd.ts";
import { parseAmdSmi } from "./amd-smi.ts";
import { aMachine, type FakeMachine } from "./testing/a-machine.ts";
import { METRIC_LIST, METRIC_NOT_AVAILABLE, METRIC_WRAPPED, STATIC_WRAPPED } from "./testing/amd-smi-samples.ts";
import { apu, kfdNodes, PCI_IDS, rx7900 } from "./testing/card-samples.ts";
import { aRun, type Plays } from "./testing/fake-run.ts";

const [MIB, GIB] = [2 ** 20, 2 ** 30];

async function aSource(files: FakeMachine, plays: Plays = {}, freeBytes = 64 * GIB) {
  const clock = new FakeClock();
  const programs = aRun(plays);
  const memory = () => ({ total_bytes: 128 * GIB, available_bytes: freeBytes });
  const source = startAmd({ clock, files, run: programs.run, memory }, { periodMs: 5_000, firstNumber: 0 });
  onTestFinished(() => source.stop());
  await source.settled();
  return { source, clock, ...programs };
}

describe("from /sys", () => {
  test("a card is read without any tool: memory, use, temperature, power, and the name that ROCm takes", async () => {
    const files = aMachine({
      ...rx7900(),
      ...kfdNodes({ minor: 128, simds: 192 }),
      "/usr/share/misc/pci.ids": PCI_IDS,
    });
    const { source, calls } = await aSource(files);
    expect(source.devices()).toEqual([
      {
        ...{ index: 0, runtime_index: 0 },
        pci_address: "0000:03:00.0",
        info: {
          id: "0000:03:00.0",
          backend: "rocm",
          name: "Navi 31 [Radeon RX 7900 XT/7900 XTX]",
          vram_total_bytes: 25_753_026_560,
          vram_free_bytes: 25_753_026_560 - 1_573_126_144,
          utilization_percent: 42,
          temperature_c: 51,
          power_w: 85,
          uuid: "GPU-4fd3d0e445b9207e",
          driver: null,
        },
      },
    ]);
    expect([source.notes(), calls]).toEqual([[], []]);
  });

  test("a card that ROCm's driver does not know is one for Vulkan; without a list of names it has its number for one", async () => {
    const { source } = await aSource(aMachine(rx7900()));
    expect(source.devices()[0]?.info).toMatchObject({ backend: "vulkan", name: "AMD GPU 0x744c" });
  });

  test("cards are numbered as ROCm numbers them", async () => {
    const nodes = kfdNodes({ minor: 129, simds: 192 }, { minor: 128, simds: 192 });
    const { source } = await aSource(aMachine({ ...rx7900(0), ...rx7900(1, "0000:0a:00.0"), ...nodes }));
    expect(source.devices().map(({ index, info }) => [index, info.id])).toEqual([
      [0, "0000:0a:00.0"],
      [1, "0000:03:00.0"],
    ]);
  });

  test("a large GPU inside a processor has its own memory and the machine's part for it, as far as that is free", async () => {
    const files = aMachine({ ...apu(0, "0000:c2:00.0", 96), ...kfdNodes({ minor: 128, simds: 80 }) });
    const { source } = await aSource(files, {}, 40 * GIB);
    expect(source.devices()[0]).toMatchObject({
      unified: true,
      info: { vram_total_bytes: 96.5 * GIB, vram_free_bytes: 40.25 * GIB, uuid: null },
    });
    expect(source.notes()).toEqual(["the GPU at 0000:c2:00.0 (AMD GPU 0x1586) uses the machine's memory"]);
  });

  test("the small GPU of a desktop processor is left out, and takes no number from the card beside it", async () => {
    const nodes = kfdNodes({ minor: 128, simds: 4 }, { minor: 129, simds: 192 });
    const files = aMachine({ ...apu(0, "0000:0c:00.0", 16), ...rx7900(1, "0000:03:00.0"), ...nodes });
    const { source } = await aSource(files);
    // ROCm counts both.
    expect(source.devices()).toMatchObject([{ index: 0, runtime_index: 1, info: { id: "0000:03:00.0" } }]);
    expect(source.notes()[0]).toContain("left out");
  });

  test("what cannot be read is unknown, field by field", async () => {
    const files = aMachine(rx7900());
    for (const name of ["gpu_busy_percent", "hwmon", "unique_id"]) files.remove(`/sys/class/drm/card0/device/${name}`);
    const { source } = await aSource(files);
    expect(source.devices()[0]?.info).toMatchObject({
      ...{ utilization_percent: null, temperature_c: null, power_w: null, uuid: null },
      vram_total_bytes: 25_753_026_560,
    });
  });

  test("a card whose files no longer answer stays, with unknown numbers and a note; one that is gone is gone", async () => {
    const files = aMachine({ ...rx7900(0), ...rx7900(1, "0000:0a:00.0") });
    const { source, clock } = await aSource(files);
    files.remove("/sys/class/drm/card0/device/mem_info_vram_total");
    clock.advance(5_000);
    await eventually("it was noticed", () => source.notes().length === 1);
    expect(source.notes()[0]).toContain("does not tell the memory of the GPU at 0000:03:00.0");
    expect(source.devices()[0]?.info.utilization_percent).toBe(42);
    for (let round = 0; round < 4; round++) {
      clock.advance(4_999);
      await eventually("all reads ended", () => (clock.nextInMs() ?? 0) <= 5_000);
    }
    const [silent, well] = source.devices();
    expect(silent?.info).toMatchObject({
      vram_total_bytes: 25_753_026_560,
      vram_free_bytes: null,
      utilization_percent: null,
    });
    expect(well?.index).toBe(1);

    files.remove("/sys/class/drm/card0");
    clock.advance(5_000);
    expect(source.devices().map(({ index }) => index)).toEqual([1]);
  });

  test("a card that hangs is unknown after its limit, and holds up no other", async () => {
    const real = aMachine({ ...rx7900(0), ...rx7900(1, "0000:0a:00.0") });
    const files: FakeMachine = {
      ...real,
      ask: (path) => (path.includes("card0") ? new Promise(() => {}) : real.ask(path)),
    };
    const clock = new FakeClock();
    const memory = () => ({ total_bytes: GIB, available_bytes: GIB });
    const source = startAmd({ clock, files, run: aRun({}).run, memory }, { periodMs: 5_000, firstNumber: 0 });
    onTestFinished(() => source.stop());
    await eventually("the other one answers", () => source.devices()[1]?.info.utilization_percent === 42);
    clock.advance(10_000);
    await source.settled();
    expect(source.devices()[0]?.info).toMatchObject({ vram_total_bytes: null, vram_free_bytes: null });
    expect(source.notes()).toEqual(["the GPU at 0000:03:00.0 (AMD GPU 0x744c) did not answer for 10 s"]);
  });

  test("in a container that was not given a card, it is left out, though the machine's /sys shows it", async () => {
    const files = aMachine({ ...rx7900(0), ...rx7900(1, "0000:0a:00.0") });
    files.remove("/dev/dri/renderD128");
    const { source } = await aSource(files);
    expect(source.devices().map(({ info }) => info.id)).toEqual(["0000:0a:00.0"]);
    expect(source.notes()).toEqual([
      "the GPU at 0000:03:00.0 is not given to this container (below /dev/dri): left out",
    ]);
  });

  test("a machine without AMD GPUs has none, and no program is started to see that", async () => {
    const { source, calls } = await aSource(aMachine({}));
    expect([source.devices(), source.notes(), calls]).toEqual([[], [], []]);
  });
});

describe("from amd-smi, where /sys does not tell", () => {
  const card = () => {
    const files = aMachine(rx7900());
    files.remove("/sys/class/drm/card0/device/mem_info_vram_total");
    return files;
  };

  test("a card is read from its JSON, its name once", async () => {
    const { source, clock, calls } = await aSource(card(), {
      "amd-smi metric": METRIC_WRAPPED,
      "amd-smi static": STATIC_WRAPPED,
    });
    expect(source.devices()).toEqual([
      {
        ...{ index: 0, runtime_index: 0 },
        pci_address: "0000:05:00.0",
        info: {
          id: "0000:05:00.0",
          backend: "rocm",
          name: "AMD Instinct MI355X",
          vram_total_bytes: 294_896 * MIB,
          vram_free_bytes: (294_896 - 283) * MIB,
          utilization_percent: 0,
          temperature_c: 36,
          power_w: 239,
          uuid: null,
          driver: "6.16.6",
        },
      },
    ]);
    clock.advance(30_000);
    await eventually("it was asked again", () => calls.length === 3);
    expect(calls[2]).toBe("amd-smi metric --json");
  });

  test.each([
    ["is not there", {}, "amd-smi could not be started (ENOENT)"],
    ["prints something else", { "amd-smi": "Segmentation fault\n" }, "amd-smi printed something else than JSON"],
    ["fails", { "amd-smi": { text: "", problem: "amd-smi failed (exit 1): no" } }, "amd-smi failed (exit 1): no"],
  ])("when it %s, that is a note", async (_what, plays: Plays, note) => {
    const { source } = await aSource(card(), plays);
    expect([source.devices(), source.notes()]).toEqual([[], [note]]);
  });

  test("when it hangs, that is a note after its limit, and it is not started a second time", async () => {
    const clock = new FakeClock();
    const { run, calls } = aRun({ "amd-smi": "hangs" });
    const memory = () => ({ total_bytes: GIB, available_bytes: GIB });
    const source = startAmd({ clock, files: card(), run, memory }, { periodMs: 5_000, firstNumber: 0 });
    onTestFinished(() => source.stop());
    clock.advance(120_000);
    await source.settled();
    expect([source.notes(), calls.length]).toEqual([["amd-smi did not answer for 30 s"], 1]);
  });
});

describe("amd-smi's JSON", () => {
  test("is read or refused, whatever it is", () => {
    const gpu = fc.record({ gpu: fc.nat(9), usage: fc.jsonValue(), mem_usage: fc.jsonValue() });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(gpu)), fc.jsonValue(), (metric, fixed) => {
        for (const { info } of parseAmdSmi(JSON.stringify(metric), JSON.stringify(fixed)) ?? []) {
          expect(info.name).not.toBe("");
          expect(info.utilization_percent ?? 0).toBeLessThanOrEqual(100);
        }
      }),
    );
  });

  test("is a list after warnings, with memory in MiB that it calls MB", () => {
    expect(parseAmdSmi(METRIC_LIST, undefined)?.[0]?.info).toMatchObject({
      ...{ id: "rocm-0", name: "AMD GPU 0", utilization_percent: 42, temperature_c: 40, power_w: 35 },
      ...{ vram_total_bytes: 24_560 * MIB, vram_free_bytes: 24_410 * MIB },
    });
  });

  test("may name an address or a version that no queen would take: then it has none", () => {
    const fixed = '[{"gpu":0,"bus":{"bdf":"."},"driver":{"version":".."}}]';
    expect(parseAmdSmi(METRIC_LIST, fixed)?.[0]).toMatchObject({
      pci_address: undefined,
      info: { id: "rocm-0", driver: null },
    });
  });

  test("may say N/A for a value or for a whole object: that is unknown", () => {
    expect(parseAmdSmi(METRIC_NOT_AVAILABLE, "broken")?.[0]?.info).toMatchObject({
      ...{ vram_total_bytes: null, vram_free_bytes: null, utilization_percent: null, power_w: null },
    });
  });

  test.each(["", "null", "{}", '{"gpu_data":3}', "[", '"text"'])("is nothing when it is %j", (text) => {
    expect(parseAmdSmi(text, undefined)).toBeUndefined();
    expect(parseAmdSmi('[null, 3, {"gpu":-1}, {"gpu":"0"}]', text)).toEqual([]);
  });
});
