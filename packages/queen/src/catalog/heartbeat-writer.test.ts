import fc from "fast-check";
import { expect, test } from "vitest";
import type { CatalogTouch } from "./catalog.ts";
import { startHeartbeatWriter } from "./heartbeat-writer.ts";
import { MemoryCatalog } from "./memory.ts";

/** A writer on a catalog that has `ids`, with a clock that ticks when told and a log to read. */
function aWriter(options: { readonly ids: readonly string[]; readonly recordsPerWriteMax?: number }) {
  const catalog = new MemoryCatalog();
  for (const id of options.ids) catalog.put(id, { host: id }, 1);
  const writes: CatalogTouch[][] = [];
  const logged: string[] = [];
  const disk = { full: false };
  const ticks = new Set<() => void>();
  const writer = startHeartbeatWriter(
    {
      catalog: {
        has: (id) => catalog.has(id),
        touch(updates) {
          if (disk.full) throw new Error("disk full");
          writes.push([...updates]);
          catalog.touch(writes.at(-1)!);
        },
      },
      every(_intervalMs, run) {
        ticks.add(run);
        return () => ticks.delete(run);
      },
      log: { warn: (_fields, message) => logged.push(message), info: (_fields, message) => logged.push(message) },
    },
    options.recordsPerWriteMax === undefined ? {} : { recordsPerWriteMax: options.recordsPerWriteMax },
  );
  const tick = () => {
    for (const run of ticks) run();
  };
  return { catalog, writer, writes, logged, disk, tick, ticks };
}

test("a second of heartbeats becomes one write with the newest of each hive", () => {
  const { catalog, writer, writes, tick } = aWriter({ ids: ["a", "b"] });

  for (let ms = 1; ms <= 100; ms++) writer.noteHeartbeat(ms % 2 === 0 ? "a" : "b", ms);
  expect(writes).toEqual([]);
  tick();

  expect(writes).toHaveLength(1);
  expect(writes[0]).toHaveLength(2);
  expect(catalog.find("a")).toMatchObject({ status: "online", last_heartbeat_ms: 100 });
  expect(catalog.find("b")).toMatchObject({ status: "online", last_heartbeat_ms: 99 });
});

test("a second in which nothing was heard writes nothing", () => {
  const { writer, writes, tick } = aWriter({ ids: ["a"] });
  writer.noteHeartbeat("a", 1);
  tick();
  tick();
  tick();
  expect(writes).toHaveLength(1);
});

test("a hive nobody cataloged causes no write, and counts from the moment it is put", () => {
  const { catalog, writer, writes, tick } = aWriter({ ids: [] });
  writer.noteHeartbeat("guest", 1);
  writer.noteStatus("guest", "offline");
  tick();
  expect(writes).toEqual([]);

  catalog.put("guest", { host: "guest" }, 2);
  writer.noteHeartbeat("guest", 3);
  tick();
  expect(catalog.find("guest")).toMatchObject({ status: "online", last_heartbeat_ms: 3 });
});

test("a hive that goes silent is offline and keeps the time it was heard last", () => {
  const { catalog, writer, tick } = aWriter({ ids: ["a"] });
  writer.noteHeartbeat("a", 7);
  writer.noteStatus("a", "offline");
  tick();
  expect(catalog.find("a")).toMatchObject({ status: "offline", last_heartbeat_ms: 7 });

  writer.noteHeartbeat("a", 9);
  tick();
  expect(catalog.find("a")).toMatchObject({ status: "online", last_heartbeat_ms: 9 });
});

test("a hive removed while its heartbeat waits stays removed", () => {
  const { catalog, writer, tick } = aWriter({ ids: ["a"] });
  writer.noteHeartbeat("a", 1);
  catalog.remove("a");
  tick();
  expect(catalog.list()).toEqual([]);
});

test("more hives than one write holds are written in turn, changes of status first", () => {
  const { writer, writes, tick } = aWriter({ ids: ["a", "b", "c", "d"], recordsPerWriteMax: 2 });
  const all = ["a", "b", "c", "d"];
  for (const id of all) writer.noteHeartbeat(id, 1);
  tick();
  tick();

  for (const id of all) writer.noteHeartbeat(id, 2);
  writer.noteStatus("d", "offline");
  tick();
  for (const id of ["a", "b", "c"]) writer.noteHeartbeat(id, 3);
  tick();

  expect(writes.map((write) => write.map((touch) => touch.id))).toEqual([
    ["a", "b"],
    ["c", "d"],
    ["d", "a"],
    ["b", "c"],
  ]);
});

test("a disk that is full is reported once, and everything is written when there is room again", () => {
  const { catalog, writer, logged, disk, tick } = aWriter({ ids: ["a", "b"] });
  disk.full = true;
  writer.noteHeartbeat("a", 1);
  tick();
  writer.noteHeartbeat("a", 2);
  writer.noteHeartbeat("b", 2);
  tick();
  tick();
  expect(logged).toEqual(["catalog: heartbeats wait, it cannot be written"]);

  disk.full = false;
  tick();
  expect(logged).toEqual(["catalog: heartbeats wait, it cannot be written", "catalog: it can be written again"]);
  expect(catalog.list().map((record) => record.last_heartbeat_ms)).toEqual([2, 2]);
});

test("stopping writes all that waits, however much, and ends the timer", () => {
  const { catalog, writer, tick, ticks, writes } = aWriter({ ids: ["a", "b", "c"], recordsPerWriteMax: 1 });
  for (const id of ["a", "b", "c"]) writer.noteHeartbeat(id, 5);
  writer.stop();
  writer.stop();
  expect(catalog.list().every((record) => record.status === "online")).toBe(true);
  expect(ticks.size).toBe(0);

  writer.noteHeartbeat("a", 6);
  writer.flush();
  tick();
  expect(writes).toHaveLength(3);
});

test("stopping with a full disk ends too", () => {
  const { writer, disk, logged } = aWriter({ ids: ["a"] });
  writer.noteHeartbeat("a", 1);
  disk.full = true;
  writer.stop();
  expect(logged).toHaveLength(1);
});

test("whatever is noted, and however the disk fails, the catalog ends with the newest of each hive", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("heartbeat" as const), id: fc.constantFrom("a", "b", "c"), ms: fc.nat(1_000) }),
    fc.record({
      kind: fc.constant("status" as const),
      id: fc.constantFrom("a", "b", "c"),
      status: fc.constantFrom("online" as const, "offline" as const),
    }),
    fc.record({ kind: fc.constant("tick" as const), full: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 1, max: 3 }), (steps, recordsPerWriteMax) => {
      const { catalog, writer, disk, tick } = aWriter({ ids: ["a", "b"], recordsPerWriteMax });
      const naive = new MemoryCatalog();
      for (const id of ["a", "b"]) naive.put(id, { host: id }, 1);
      for (const step of steps) {
        if (step.kind === "heartbeat") {
          writer.noteHeartbeat(step.id, step.ms);
          naive.touch([{ id: step.id, status: "online", last_heartbeat_ms: step.ms }]);
        } else if (step.kind === "status") {
          writer.noteStatus(step.id, step.status);
          naive.touch([step]);
        } else {
          disk.full = step.full;
          tick();
        }
      }
      disk.full = false;
      writer.stop();
      expect(catalog.list()).toEqual(naive.list());
    }),
  );
});
