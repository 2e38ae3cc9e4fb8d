import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { startCards } from "./card-source.ts";
import { nameInList, nvidiaCount } from "./drm-cards.ts";
import { intelSysfs } from "./intel.ts";
import { aMachine, below } from "./testing/a-machine.ts";
import { arcB580, intelInside, PCI_IDS, rx7900 } from "./testing/card-samples.ts";

async function aSource(files: ReturnType<typeof aMachine>) {
  const clock = new FakeClock();
  const source = startCards({ clock }, { periodMs: 5_000, firstNumber: 3 }, intelSysfs(files, clock));
  onTestFinished(() => source.stop());
  await source.settled();
  return { source, clock };
}

test("an Arc card has its memory and its temperature; free memory and use, which its driver does not tell, are unknown", async () => {
  const files = aMachine({ ...arcB580(), ...rx7900(0, "0000:0a:00.0"), "/usr/share/hwdata/pci.ids": PCI_IDS });
  const { source, clock } = await aSource(files);
  const [device, ...others] = source.devices();
  expect(others).toEqual([]);
  expect(device).toEqual({
    index: 3,
    pci_address: "0000:03:00.0",
    info: {
      id: "0000:03:00.0",
      backend: "vulkan",
      name: "Battlemage G21 [Arc B580]",
      vram_total_bytes: 12_216 * 1_048_576,
      vram_free_bytes: null,
      utilization_percent: null,
      temperature_c: 47,
      power_w: null,
      uuid: null,
      driver: "xe",
    },
  });
  expect(source.notes()[0]).toContain("does not tell its free memory and its use");

  // 300 J more in 5 s.
  files.write("/sys/class/drm/card1/device/hwmon/hwmon2/energy1_input", "1300000000\n");
  clock.advance(5_000);
  await eventually("its power is known", () => source.devices()[0]?.info.power_w === 60);
});

test("the GPU inside an Intel processor is listed without memory of its own", async () => {
  const { source } = await aSource(aMachine(intelInside()));
  expect(source.devices()[0]).toMatchObject({ unified: true, info: { vram_total_bytes: null, driver: "i915" } });
  expect(source.notes()).toEqual(["the GPU at 0000:00:02.0 (Intel GPU 0x46a6) uses the machine's memory"]);
});

test("Intel's own edition of i915 tells the memory of a card beside it", async () => {
  const files = aMachine({
    ...below("/sys/class/drm/card0", { lmem_total_bytes: "17179869184\n" }),
    ...below("/sys/class/drm/card0/device", {
      ...{ vendor: "0x8086\n", device: "0x56a0\n", uevent: "DRIVER=i915\nPCI_SLOT_NAME=0000:03:00.0\n" },
    }),
  });
  expect((await aSource(files)).source.devices()[0]?.info.vram_total_bytes).toBe(17_179_869_184);
});

test("cards that are none of Intel's graphics, and sockets of cards, are passed over", async () => {
  const files = aMachine({
    ...below("/sys/class/drm/card0-DP-1/device", { vendor: "0x8086\n", uevent: "DRIVER=i915\n" }),
    ...below("/sys/class/drm/card1/device", { vendor: "0x1a03\n", uevent: "DRIVER=ast\nPCI_SLOT_NAME=0000:04:00.0\n" }),
    ...below("/sys/class/drm/card2/device", {
      vendor: "0x8086\n",
      uevent: "DRIVER=vfio-pci\nPCI_SLOT_NAME=0000:05:00.0\n",
    }),
    ...below("/sys/class/drm/card3/device", { vendor: "0x8086\n" }),
  });
  expect((await aSource(files)).source.devices()).toEqual([]);
});

test("a device number that is none finds no name, and disturbs nothing", async () => {
  const files = aMachine({ ...intelInside(), "/usr/share/misc/pci.ids": PCI_IDS });
  files.write("/sys/class/drm/card0/device/device", "\u0000\u001b[2J\n");
  expect((await aSource(files)).source.devices()[0]?.info.name).toBe("Intel GPU");
});

test("names come from the machine's list of PCI ids, of the right vendor only", () => {
  expect(nameInList(PCI_IDS, "8086", "e20b")).toBe("Battlemage G21 [Arc B580]");
  expect(nameInList(PCI_IDS, "1002", "e20b")).toBeUndefined();
  expect(nameInList(PCI_IDS, "1002", "0e3b")).toBeUndefined();
  expect(nameInList("", "8086", "e20b")).toBeUndefined();
});

test("NVIDIA GPUs are counted by what the bus shows, with a driver or without", () => {
  const device = (address: string, vendor: string, kind: string) =>
    below(`/sys/bus/pci/devices/${address}`, { vendor: `${vendor}\n`, class: `${kind}\n` });
  const files = aMachine({
    ...device("0000:01:00.0", "0x10de", "0x030000"),
    ...device("0000:01:00.1", "0x10de", "0x040300"),
    ...device("0000:02:00.0", "0x10de", "0x030200"),
    ...device("0000:03:00.0", "0x1002", "0x030000"),
  });
  expect(nvidiaCount(files)).toBe(2);
});
