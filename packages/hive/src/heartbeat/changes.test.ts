import type { WorkerInfo } from "@hive-registry/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasChanged, isUrgent } from "./changes.ts";
import { aReport, aWorker } from "./testing/a-link.ts";

test("what is the same has not changed; a new time of hearing from a worker is no change", () => {
  expect(hasChanged(aReport(), aReport())).toBe(false);
  const later = aReport({ workers: [aWorker({ last_heartbeat: "2026-11-01T00:00:09.000Z" })] });
  expect(hasChanged(aReport(), later)).toBe(false);
});

test("small moves of numbers are no change, large ones are, and so is a number that becomes known or unknown", () => {
  const of = (gpu_percent: number | undefined) =>
    aReport({ workers: [aWorker(gpu_percent === undefined ? {} : { gpu_percent })] });
  expect(hasChanged(of(50), of(54))).toBe(false);
  expect(hasChanged(of(50), of(55))).toBe(true);
  expect(hasChanged(of(undefined), of(0))).toBe(true);
  expect(hasChanged(of(0), of(undefined))).toBe(true);
  expect(hasChanged(aReport({ ram_available_bytes: 20e9 }), aReport({ ram_available_bytes: 19.9e9 }))).toBe(false);
  expect(hasChanged(aReport({ ram_available_bytes: 20e9 }), aReport({ ram_available_bytes: 19e9 }))).toBe(true);
});

test("what models a worker serves cannot wait: requests for one that left would fail", () => {
  const of = (...models: string[]) => [aWorker({ models })];
  expect(isUrgent(of("a", "b"), of("a"))).toBe(true);
  expect(isUrgent(of("a"), of("a", "b"))).toBe(true);
  expect(isUrgent(of("a", "b"), of("a", "b"))).toBe(false);
});

test("devices that come, go or warm up are told", () => {
  const device = {
    id: "GPU-1",
    backend: "cuda",
    name: "GPU",
    vram_total_bytes: 8e9,
    vram_free_bytes: 8e9,
    utilization_percent: 0,
    temperature_c: 40,
    power_w: 30,
    uuid: "GPU-1",
    driver: "1",
  };
  expect(hasChanged(aReport({ devices: [] }), aReport({ devices: [device] }))).toBe(true);
  expect(
    hasChanged(aReport({ devices: [device] }), aReport({ devices: [{ ...device, temperature_c: 42, power_w: 40 }] })),
  ).toBe(false);
  expect(
    hasChanged(aReport({ devices: [device] }), aReport({ devices: [{ ...device, utilization_percent: null }] })),
  ).toBe(true);
  expect(hasChanged(aReport({ devices: [device] }), aReport({ devices: [{ ...device, vram_free_bytes: 2e9 }] }))).toBe(
    true,
  );
  for (const other of [{ index: 1 }, { backend: "vulkan" }, { memory: "unified" as const }]) {
    expect(hasChanged(aReport({ devices: [device] }), aReport({ devices: [{ ...device, ...other }] }))).toBe(true);
  }
});

test("slots that are taken and freed wait for the next beat, but not while a queen sends clients to the worker", () => {
  const of = (part: Partial<WorkerInfo>) => [aWorker({ slots_total: 4, ...part })];
  expect(isUrgent(of({ slots_busy: 0 }), of({ slots_busy: 1 }))).toBe(false);
  expect(isUrgent(of({ slots_busy: 0 }), of({ slots_busy: 0, last_handover: "r-1" }))).toBe(true);
  expect(isUrgent(of({ slots_busy: 1, last_handover: "r-1" }), of({ slots_busy: 0, last_handover: "r-1" }))).toBe(true);
  expect(isUrgent(of({ last_handover: "r-1" }), of({ last_handover: "r-1" }))).toBe(false);
  expect(isUrgent(of({ slots_busy: 1, last_handover: "r-1" }), of({ slots_busy: 0 }))).toBe(false);
});

test("whatever is urgent has changed", () => {
  const worker = fc.record({
    worker_id: fc.constantFrom("a", "b"),
    state: fc.constantFrom("Idle" as const, "Busy" as const, "Loading" as const),
    slots_total: fc.nat(3),
    slots_busy: fc.nat(3),
    draining: fc.boolean(),
    last_handover: fc.constantFrom("r-1", "r-2"),
  });
  const workers = fc.array(
    worker.map((part) => aWorker(part)),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(workers, workers, (before, now) => {
      if (isUrgent(before, now)) expect(hasChanged(aReport({ workers: before }), aReport({ workers: now }))).toBe(true);
      expect(isUrgent(now, now)).toBe(false);
    }),
  );
});
