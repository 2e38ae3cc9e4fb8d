import { expect, test } from "vitest";
import { freeSlots, hiveRow, mean } from "./hive-row.ts";
import { aDevice, aHive, aWorker } from "./testing/a-hive.ts";

test("a row counts workers by state, names each model once, and knows how hot each device is", () => {
  const row = hiveRow(
    aHive({
      workers: [
        aWorker({ worker_id: "a", model_id: "m1", backend: "cuda" }),
        aWorker({ worker_id: "b", model_id: "m1", state: "Busy" }),
        aWorker({ worker_id: "c", model_id: "m2", state: "Loading" }),
      ],
      devices: [aDevice(), aDevice({ utilization_percent: null }), aDevice({ utilization_percent: 80 })],
    }),
  );
  expect(row.workers).toEqual({ total: 3, idle: 1, busy: 1, loading: 1 });
  expect(row.models).toEqual(["m1", "m2"]);
  expect(row.backends).toEqual(["cuda"]);
  expect(row.gpus).toEqual([40, undefined, 80]);
  expect(row.gpu_percent).toBe(60);
});

test("memory in use is what the devices say, and what the workers say only where no device tells", () => {
  expect(hiveRow(aHive({ vram_total_gb: 24, vram_free_gb: 4, vram_used_gb: 3 }))).toMatchObject({
    vram_used_bytes: 20e9,
    vram_total_bytes: 24e9,
  });
  expect(hiveRow(aHive({ vram_used_gb: 3 }))).toMatchObject({ vram_used_bytes: 3e9, vram_total_bytes: undefined });
});

test("slots are free only where a request would be taken", () => {
  expect(freeSlots(aWorker())).toBe(1);
  expect(freeSlots(aWorker({ slots_total: 4, slots_busy: 1 }))).toBe(3);
  expect(freeSlots(aWorker({ state: "Busy" }))).toBe(0);
  expect(freeSlots(aWorker({ draining: true, slots_total: 4 }))).toBe(0);
  expect(freeSlots({ ...aWorker({ slots_total: 4 }), state: "Loading" })).toBe(0);
  const workers = [aWorker({ slots_total: 4 })];
  expect(hiveRow(aHive({ workers })).slots_free).toBe(4);
  expect(hiveRow(aHive({ workers, status: "suspect" })).slots_free).toBe(0);
});

test("what nobody tells is unknown and no zero", () => {
  expect(mean([undefined, undefined])).toBeUndefined();
  expect(hiveRow(aHive({ devices: [aDevice({ utilization_percent: null })] })).gpu_percent).toBeUndefined();
});
