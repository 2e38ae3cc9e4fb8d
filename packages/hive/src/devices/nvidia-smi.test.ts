import { describe, expect, test } from "vitest";
import { COLUMNS, COLUMNS_BASIC, failureNote, parseComputeApps, parseGpuLine, plainNumber } from "./nvidia-smi.ts";

/** The columns of the captures below, which were taken without memory.free. */
const CAPTURED = COLUMNS_BASIC.filter((name) => name !== "memory.free");
const MIB = 1_048_576;

describe("a line of --query-gpu", () => {
  test("of a desktop card is read whole", () => {
    const line =
      "0, GPU-11111111-aaaa-bbbb-cccc-000000000001, NVIDIA GeForce RTX 4080 SUPER, 16376, 596, 15348, 7, 46, 84.24, 595.71.05, 00000000:01:00.0, 8.9, [N/A]";
    expect(parseGpuLine(line)).toEqual({
      index: 0,
      uuid: "GPU-11111111-aaaa-bbbb-cccc-000000000001",
      name: "NVIDIA GeForce RTX 4080 SUPER",
      memory_total_bytes: 16_376 * MIB,
      memory_free_bytes: 15_348 * MIB,
      utilization_percent: 7,
      temperature_c: 46,
      power_w: 84.24,
      driver: "595.71.05",
      unified: false,
      mig: false,
    });
  });

  test.each([
    ["RTX 2080 SUPER", "0, GPU-2, NVIDIA GeForce RTX 2080 SUPER, 8192, 214, 0, 40, 39.32, 595.71.05", 8_192 - 214, 0],
    ["H100 at work", "0, GPU-3, NVIDIA H100 80GB HBM3, 81559, 19818, 100, 59, 631.95, 590.48.01", 81_559 - 19_818, 100],
    ["H200", "0, GPU-4, NVIDIA H200, 143771, 32362, 100, 52, 627.40, 590.48.01", 143_771 - 32_362, 100],
    ["L40S", "0, GPU-5, NVIDIA L40S, 46068, 0, 100, 63, 144.97, 595.80", 46_068, 100],
  ])("of a driver that does not tell free memory: total − used (%s)", (_card, line, freeMib, percent) => {
    expect(parseGpuLine(line, CAPTURED)).toMatchObject({
      memory_free_bytes: freeMib * MIB,
      utilization_percent: percent,
    });
  });

  test("of a card divided by MIG has no utilisation, and all the rest", () => {
    const line =
      "0, GPU-6, NVIDIA H100 80GB HBM3, 81559, 11125, 70000, [N/A], 53, 433.78, 590.48.01, 00000000:04:00.0, 9.0, Enabled";
    expect(parseGpuLine(line)).toMatchObject({
      utilization_percent: null,
      mig: true,
      power_w: 433.78,
      memory_total_bytes: 81_559 * MIB,
    });
  });

  test("of a machine whose GPU uses the machine's memory (GB10) is marked unified", () => {
    const line = "0, GPU-7, NVIDIA GB10, [N/A], [N/A], 0, 35, 11.17, 580.95.05";
    expect(parseGpuLine(line, CAPTURED)).toMatchObject({
      name: "NVIDIA GB10",
      unified: true,
      memory_total_bytes: null,
      memory_free_bytes: null,
      power_w: 11.17,
    });
  });

  test("with an error in the memory fields is not taken for one with shared memory", () => {
    const line = "0, GPU-8, NVIDIA L4, [Unknown Error], [Unknown Error], 0, 35, 11.17, 580.95.05";
    expect(parseGpuLine(line, CAPTURED)).toMatchObject({ unified: false, memory_total_bytes: null });
  });

  test.each([
    "[N/A]",
    "N/A",
    "[Not Supported]",
    "[Unknown Error]",
    "[Insufficient Permissions]",
    "[Requested functionality has been deprecated]",
    "",
    "ERR!",
    "1e5",
    "NaN",
    "Infinity",
    "0x10",
    "12 W",
  ])("with %j for a number has null there and keeps the GPU", (cell) => {
    expect(plainNumber(cell)).toBeNull();
    const line = `1, GPU-9, NVIDIA A2, 15356, 10, ${cell}, ${cell}, ${cell}, 590.1`;
    expect(parseGpuLine(line, CAPTURED)).toMatchObject({
      index: 1,
      utilization_percent: null,
      temperature_c: null,
      power_w: null,
      memory_total_bytes: 15_356 * MIB,
    });
  });

  test.each([
    ["an ECC message between the lines", "GPU 0: detected 1 uncorrectable ECC error, see dmesg"],
    ["an infoROM warning", "WARNING: infoROM is corrupted at gpu 0000:0B:00.0"],
    ["too few columns", "0, GPU-1, NVIDIA A2, 15356"],
    ["too many columns", "0, GPU-1, NVIDIA A2, 15356, 10, 1, 1, 1, 590.1, 1, 1, 1, 1, 1"],
    [
      "a header",
      "index, uuid, name, memory.total [MiB], memory.used [MiB], utilization.gpu [%], temperature.gpu, power.draw [W], driver_version",
    ],
    ["nothing", ""],
  ])("that is something else is no GPU: %s", (_what, line) => {
    expect(parseGpuLine(line, COLUMNS)).toBeUndefined();
    expect(parseGpuLine(line, CAPTURED)).toBeUndefined();
  });

  test("with numbers out of range has null there, so that no queen refuses the heartbeat for them", () => {
    const line = "0, GPU-1, NVIDIA A2, 15356, 10, 101, 99999, -5, 590.1";
    expect(parseGpuLine(line, CAPTURED)).toMatchObject({
      utilization_percent: null,
      temperature_c: null,
      power_w: null,
    });
  });
});

describe("--query-compute-apps", () => {
  test("gives memory by process, several lines for one on several GPUs", () => {
    const text = "2165, GPU-1, 25\n5022, GPU-1, 503\n5022, GPU-2, 13526\n";
    expect(parseComputeApps(text)).toEqual([
      { pid: 2165, device: "GPU-1", vram_bytes: 25 * MIB },
      { pid: 5022, device: "GPU-1", vram_bytes: 503 * MIB },
      { pid: 5022, device: "GPU-2", vram_bytes: 13_526 * MIB },
    ]);
  });

  test("is empty on an idle machine, and where the driver does not tell amounts", () => {
    expect(parseComputeApps("")).toEqual([]);
    expect(parseComputeApps("2056, GPU-1, [N/A]\n2057, GPU-1, [N/A]\r\n")).toEqual([]);
    expect(parseComputeApps("No running processes found\n")).toEqual([]);
  });
});

describe("a failed call", () => {
  test("is told in nvidia-smi's own words", () => {
    const words =
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.";
    expect(failureNote(9, null, words)).toBe(`nvidia-smi failed (exit 9): ${words}`);
    expect(failureNote(18, null, "Failed to initialize NVML: Driver/library version mismatch")).toContain("exit 18");
  });

  test("without words is told by what its exit code means", () => {
    expect(failureNote(15, null, "")).toBe("nvidia-smi failed (exit 15): a GPU has fallen off the bus");
    expect(failureNote(null, "SIGSEGV", "")).toBe("nvidia-smi failed (ended by SIGSEGV): it gave no reason");
    expect(failureNote(255, null, "")).toContain("no reason");
  });
});
