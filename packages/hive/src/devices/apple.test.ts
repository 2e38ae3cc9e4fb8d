import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { startApple } from "./apple.ts";
import { metalLimitBytes, parseAccelerators, parseDisplays } from "./apple-tools.ts";
import { INTEL_MAC_DISPLAYS, M1_PRO_IOREG, M4_DISPLAYS } from "./testing/apple-samples.ts";
import { aRun, type Plays } from "./testing/fake-run.ts";

const GIB = 2 ** 30;

async function aMac(plays: Plays, memoryGib = 24) {
  const clock = new FakeClock();
  const programs = aRun(plays);
  const memory = () => ({ total_bytes: memoryGib * GIB, available_bytes: GIB });
  const source = startApple({ clock, run: programs.run, memory }, { periodMs: 5_000 });
  onTestFinished(() => source.stop());
  await source.settled();
  return { source, clock, ...programs };
}

test("a Mac's GPU may have a part of the machine's memory; what is in use and how busy it is come from ioreg", async () => {
  const { source, clock, calls } = await aMac({
    system_profiler: M4_DISPLAYS,
    "sysctl -n iogpu.wired_limit_mb": "0\n",
    ioreg: M1_PRO_IOREG,
  });
  expect(source.devices()).toEqual([
    {
      index: 0,
      unified: true,
      info: {
        id: "metal-0",
        backend: "metal",
        name: "Apple M4",
        vram_total_bytes: 16 * GIB,
        vram_free_bytes: 16 * GIB - 7_688_503_296,
        utilization_percent: 34,
        temperature_c: null,
        power_w: null,
        uuid: null,
        driver: null,
      },
    },
  ]);
  expect(source.notes()[0]).toContain("uses the machine's memory");
  expect(await source.processes()).toBeUndefined();

  clock.advance(5_000);
  await eventually("ioreg alone was asked again", () => calls.length === 4);
  expect(calls[3]).toMatch(/^ioreg /);
});

test("a limit that was set counts exactly, and the default is a part of the memory", () => {
  expect(metalLimitBytes(64 * GIB, "57344\n")).toBe(56 * GIB);
  expect(metalLimitBytes(16 * GIB, "0\n")).toBe(Math.floor((32 * GIB) / 3));
  expect(metalLimitBytes(128 * GIB, undefined)).toBe(96 * GIB);
  expect(metalLimitBytes(16 * GIB, "1000000")).toBe(16 * GIB);
  expect(metalLimitBytes(48 * GIB, "sysctl: unknown oid")).toBe(36 * GIB);
});

test("the GPUs of an Intel Mac: one with memory of its own, whose use is unknown", async () => {
  const { source } = await aMac({ system_profiler: INTEL_MAC_DISPLAYS, ioreg: "" });
  expect(source.devices()).toMatchObject([
    { index: 0, unified: true, info: { name: "Intel UHD Graphics 630", vram_free_bytes: null } },
    { index: 1, info: { name: "AMD Radeon Pro 5300M", vram_total_bytes: 4 * GIB, vram_free_bytes: null } },
  ]);
});

test("when ioreg fails the GPU stays; its numbers become unknown after some rounds, with a note", async () => {
  const { source, clock, play } = await aMac({ system_profiler: M4_DISPLAYS, ioreg: M1_PRO_IOREG });
  play({ ioreg: { text: "", problem: "ioreg failed (exit 1): it gave no reason" } });
  clock.advance(5_000);
  await eventually("it failed", () => source.notes().some((note) => note.startsWith("ioreg failed")));
  expect(source.devices()[0]?.info.utilization_percent).toBe(34);
  clock.advance(10_001);
  expect(source.devices()[0]?.info).toMatchObject({
    name: "Apple M4",
    vram_free_bytes: null,
    utilization_percent: null,
  });
});

test("when system_profiler fails there are no devices, and a note", async () => {
  const { source } = await aMac({ system_profiler: "nothing\n" });
  expect([source.devices(), source.notes()]).toEqual([[], ["system_profiler printed something else than JSON"]]);
});

describe("what the tools print", () => {
  test("the driver's own part of the memory is not the whole", () => {
    expect(parseAccelerators(M1_PRO_IOREG)).toEqual([
      { model: "Apple M1 Pro", in_use_bytes: 7_688_503_296, utilization_percent: 34 },
    ]);
  });

  test.each(["", "+-o X\n  {\n  }\n", '+-o X\n "PerformanceStatistics" = {}\n'])("is unknown when it is %j", (text) => {
    expect(parseAccelerators(text).map(({ in_use_bytes }) => in_use_bytes)).toEqual(
      text.includes("Stat") ? [null] : [],
    );
  });

  test("is read or refused, whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())), (list) => {
        for (const { name } of parseDisplays(JSON.stringify({ SPDisplaysDataType: list })) ?? [])
          expect(name).not.toBe("");
      }),
    );
  });

  test.each(["", "[]", "{}", '{"SPDisplaysDataType":{}}'])("is no list of displays when it is %j", (text) => {
    expect(parseDisplays(text)).toBeUndefined();
    expect(parseDisplays('{"SPDisplaysDataType":[null,3,{"_name":7}]}')).toEqual([]);
  });
});
