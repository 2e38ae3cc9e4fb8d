import { expect, test } from "vitest";
import { aHeartbeat, aQueen } from "../testing/a-queen.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { INVENTORIES_PER_WRITE_MAX, startDeviceWriter } from "./device-writer.ts";
import { openCatalog } from "./index.ts";
import { aDevice, aPut } from "./testing/catalog-suite.ts";

function aWriter() {
  const clock = new FakeClock();
  const catalog = openCatalog({ kind: "memory" });
  const writes: string[] = [];
  const warnings: string[] = [];
  const disk = { isFull: false };
  const writer = startDeviceWriter({
    ...{ nowMs: clock.nowMs, every: clock.every },
    log: { warn: (_fields, message) => warnings.push(message) },
    catalog: {
      has: (id) => catalog.has(id),
      find: (id) => catalog.find(id),
      setDevices(id, devices, nowMs) {
        if (disk.isFull) throw new Error("full");
        writes.push(id);
        return catalog.setDevices(id, devices, nowMs);
      },
    },
  });
  return { clock, catalog, writer, writes, warnings, disk };
}

test("a hive's devices are written with its first heartbeat that has them, and again when they are others", () => {
  const { clock, catalog, writer, writes } = aWriter();
  catalog.put("desk", aPut(), 1);
  writer.noteDevices("desk", [aDevice({ vram_free_bytes: 5, temperature_c: 40 })]);
  expect(writes).toEqual([]);
  clock.advance(1_000);
  expect(catalog.find("desk")?.devices).toEqual([aDevice()]);

  for (let bytes = 0; bytes < 10; bytes++) {
    writer.noteDevices("desk", [aDevice({ vram_free_bytes: bytes, utilization_percent: bytes, power_w: bytes })]);
    clock.advance(1_000);
  }
  expect(writes).toEqual(["desk"]);

  writer.noteDevices("desk", [aDevice(), aDevice({ id: "1" })]);
  clock.advance(1_000);
  expect(catalog.find("desk")?.devices).toHaveLength(2);
});

test("what the catalog has from an earlier life is not written again, and a stranger's devices never", () => {
  const { clock, catalog, writer, writes } = aWriter();
  catalog.put("desk", aPut(), 1);
  catalog.setDevices("desk", [aDevice()], 1);
  writer.noteDevices("desk", [aDevice({ vram_free_bytes: 7 })]);
  writer.noteDevices("stranger", [aDevice()]);
  clock.advance(1_000);
  expect(writes).toEqual([]);
});

test("a hive that was removed and put again is written again", () => {
  const { clock, catalog, writer } = aWriter();
  for (let round = 0; round < 2; round++) {
    catalog.put("desk", aPut(), 1);
    writer.noteDevices("desk", [aDevice()]);
    clock.advance(1_000);
    expect(catalog.find("desk")?.devices).toEqual([aDevice()]);
    catalog.remove("desk");
    writer.forget("desk");
  }
});

test("a whole fleet is written a part at a time; a full disk is told once, and what waits is written later", () => {
  const { clock, catalog, writer, writes, warnings, disk } = aWriter();
  const hives = INVENTORIES_PER_WRITE_MAX + 1;
  for (let at = 0; at < hives; at++) {
    catalog.put(`hive-${at}`, aPut(), 1);
    writer.noteDevices(`hive-${at}`, [aDevice()]);
  }
  disk.isFull = true;
  clock.advance(3_000);
  expect(warnings).toHaveLength(1);
  disk.isFull = false;
  clock.advance(1_000);
  expect(writes).toHaveLength(INVENTORIES_PER_WRITE_MAX);
  writer.stop();
  expect(writes).toHaveLength(hives);
});

test("the queen's records tell the devices that heartbeats told", async () => {
  const { queen, clock, catalog } = await aQueen();
  catalog.put("desk", aPut(), 1);
  queen.receiveHeartbeat(aHeartbeat({ devices: [aDevice({ vram_free_bytes: 1 })] }));
  clock.advance(1_000);
  expect(catalog.find("desk")?.devices).toEqual([aDevice()]);
});
