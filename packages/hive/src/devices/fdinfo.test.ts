import { expect, test } from "vitest";
import { deviceMemoryOf, parseFdinfo } from "./fdinfo.ts";
import type { FoundDevice } from "./source.ts";
import { aMachine } from "./testing/a-machine.ts";
import { AMD_FDINFO, I915_FDINFO, XE_FDINFO } from "./testing/card-samples.ts";

const [KIB, MIB] = [1_024, 1_048_576];

const aDevice = (pci_address: string, unified = false): FoundDevice => ({
  index: 0,
  pci_address,
  ...(unified && { unified }),
  info: {
    ...{ id: pci_address, backend: "rocm", name: "a card", uuid: null, driver: null },
    ...{ vram_total_bytes: null, vram_free_bytes: null, utilization_percent: null, temperature_c: null, power_w: null },
  },
});

test.each([
  ["amdgpu", AMD_FDINFO, 60_060 * KIB, 2 * MIB],
  [
    "amdgpu of an older kernel",
    AMD_FDINFO.replaceAll(/^drm-(?:total|resident|shared).*\n/gm, ""),
    60_060 * KIB,
    2 * MIB,
  ],
  ["xe", XE_FDINFO, 23_992 * KIB, 192 * KIB],
  ["i915: what is in memory, not what was asked for", I915_FDINFO, 128 * MIB, 32 * MIB],
])("memory of the card and of the machine are told apart (%s)", (_driver, text, vram_bytes, shared_bytes) => {
  expect(parseFdinfo(text)).toMatchObject({ vram_bytes, shared_bytes });
});

test("an open file of another kind tells nothing, and an unreadable amount is none", () => {
  expect(parseFdinfo("pos:\t0\nflags:\t02\n")).toBeUndefined();
  expect(parseFdinfo("drm-pdev: 0000:03:00.0\ndrm-client-id: 1\ndrm-memory-vram: many\n")).toMatchObject({
    vram_bytes: 0,
  });
});

test("a process holds what its uses of a device hold, each counted once, and nothing through files of other kinds", () => {
  const files = aMachine(
    {
      "/proc/9/fdinfo/3": "pos: 0\n",
      "/proc/9/fdinfo/4": AMD_FDINFO,
      "/proc/9/fdinfo/5": AMD_FDINFO,
      "/proc/9/fdinfo/6": AMD_FDINFO.replace("185", "186"),
      "/proc/9/fdinfo/7": I915_FDINFO,
    },
    {
      "/proc/9/fd/3": "socket:[12345]",
      "/proc/9/fd/4": "/dev/dri/renderD128",
      "/proc/9/fd/5": "/dev/dri/renderD128",
      "/proc/9/fd/6": "/dev/dri/renderD128",
      "/proc/9/fd/7": "/dev/dri/renderD129",
    },
  );
  const amd = aDevice("0000:03:00.0");
  expect(deviceMemoryOf(9, [amd], files)).toEqual([{ pid: 9, device: "0000:03:00.0", vram_bytes: 2 * 60_060 * KIB }]);
  const [, inside] = deviceMemoryOf(9, [amd, aDevice("0000:00:02.0", true)], files);
  expect(inside).toEqual({ pid: 9, device: "0000:00:02.0", vram_bytes: 160 * MIB });
  expect(deviceMemoryOf(10, [amd], files)).toEqual([]);
});
