import { expect, test } from "vitest";
import { busyPercent, type CpuTimes, coreCount, cpuMeter, cpuModel } from "./cpu.ts";

const core = (busy: number, idle: number): CpuTimes => ({ times: { user: busy, nice: 0, sys: 0, irq: 0, idle } });

test("CPU use is the busy share of all cores between two looks", () => {
  expect(busyPercent([core(0, 0), core(100, 100)], [core(100, 0), core(100, 200)])).toBe(50);
  expect(busyPercent([core(5, 5)], [core(5, 5)])).toBeNull();
});

test("each answer covers the time since the one before", () => {
  const looks = [[core(0, 0)], [core(30, 70)], [core(130, 70)]];
  const measure = cpuMeter(() => looks.shift() ?? []);
  expect(measure()).toBe(30);
  expect(measure()).toBe(100);
});

test("this machine has a processor with a name and at least one core", () => {
  expect(coreCount()).toBeGreaterThanOrEqual(1);
  expect(cpuModel()).not.toBe("");
});
