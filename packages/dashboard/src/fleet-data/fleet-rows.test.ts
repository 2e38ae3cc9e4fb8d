import type { HiveHeartbeatPayload } from "@hive-registry/client";
import { HiveRegistry } from "hive-registry";
import { expect, test } from "vitest";
import { FleetRows } from "./fleet-rows.ts";
import { aDevice, aWorker } from "./testing/a-hive.ts";

/** A queen's registry, a page's replica of it, and the page's rows. */
function aPage(): {
  readonly beat: (hiveId: string, changes?: Partial<HiveHeartbeatPayload>) => void;
  readonly queen: HiveRegistry;
  readonly rows: FleetRows;
  readonly follow: () => void;
} {
  let ms = 1_000_000;
  const queen = new HiveRegistry({ now: () => ms });
  const replica = new HiveRegistry({ now: () => ms });
  const rows = new FleetRows(replica);
  const beat = (hiveId: string, changes: Partial<HiveHeartbeatPayload> = {}) => {
    ms += 100;
    const payload = { hive_id: hiveId, timestamp: new Date(ms).toISOString(), workers: [aWorker()], ...changes };
    queen.updateHiveState(hiveId, payload, { receivedAtMs: ms });
  };
  const follow = () => {
    const snapshot = queen.snapshot();
    replica.apply(snapshot);
    rows.note(snapshot);
    queen.subscribe((event) => {
      replica.apply(event);
      rows.note(event);
    });
  };
  return { beat, queen, rows, follow };
}

test("a snapshot makes all rows, and each change afterwards only those of its hive", () => {
  const { beat, rows, follow } = aPage();
  for (const hiveId of ["a", "b", "c"]) beat(hiveId);
  follow();
  expect(rows.refresh()).toBe(3);

  const untouched = rows.find("a");
  for (let n = 0; n < 10; n++) beat("b", { workers: [aWorker({ state: "Busy" })] });
  expect(rows.refresh()).toBe(1);
  expect(rows.find("b")?.workers.busy).toBe(1);
  expect(rows.find("a")).toBe(untouched);
  expect(rows.refresh()).toBe(0);
});

test("hives that come and go are rows that come and go", () => {
  const { beat, queen, rows, follow } = aPage();
  beat("a");
  follow();
  beat("b");
  queen.removeHive("a");
  rows.refresh();
  expect(Array.from(rows.all(), ({ hive_id }) => hive_id)).toEqual(["b"]);
});

test("sums leave out what a silent machine held when it was heard last", () => {
  const { beat, rows, follow } = aPage();
  follow();
  beat("a", { devices: [aDevice({ utilization_percent: 20 }), aDevice({ utilization_percent: 60 })] });
  beat("b", { devices: [aDevice()], goodbye: true });
  rows.refresh();
  expect(rows.find("b")?.status).toBe("silent");
  expect(rows.sums()).toEqual({
    vram_used_bytes: 32e9,
    vram_total_bytes: 48e9,
    devices: 2,
    gpu_percent: 40,
  });
});
