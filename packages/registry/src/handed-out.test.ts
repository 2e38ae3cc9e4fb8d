import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HiveRegistry } from "./registry.ts";
import { aHeartbeat, aWorker, FakeClock } from "./testing/builders.ts";
import type { RegistryEvent, WorkerInfo } from "./types.ts";

const HIVES = ["a", "b", "c"];

/** Workers with every field, each there or not. */
const aReport: fc.Arbitrary<WorkerInfo> = fc.record(
  {
    worker_id: fc.constantFrom("w1", "w2", "w3"),
    state: fc.constantFrom("Idle", "Busy", "Loading"),
    last_heartbeat: fc.constantFrom(
      "2026-01-01T00:00:00.000Z",
      "2025-12-31T23:59:59.999Z",
      "2026-01-01T00:00:00Z",
      "yesterday",
    ),
    health_status: fc.constantFrom("healthy", "degraded"),
    url: fc.constantFrom("http://127.0.0.1:1", "http://127.0.0.1:2"),
    model_id: fc.constantFrom("m", "n", ""),
    models: fc.uniqueArray(fc.constantFrom("m", "n", "o")),
    backend: fc.constantFrom("cuda", "cpu"),
    device_id: fc.nat(7),
    vram_bytes: fc.constantFrom(0, 8e9, 2 ** 53 - 1),
    ram_bytes: fc.constantFrom(0, 1.5),
    cpu_percent: fc.constantFrom(0, -0, 45.7),
    gpu_percent: fc.constantFrom(0, 99.9),
    slots_total: fc.nat(4),
    slots_busy: fc.nat(4),
    queue_depth: fc.nat(4),
    kv_cache_percent: fc.constantFrom(0, 12.5),
    engine: fc.constantFrom("vllm", "ollama"),
    draining: fc.boolean(),
    last_reservation: fc.constantFrom("r1", "r2"),
    last_handover: fc.constantFrom("r1", "r2"),
  },
  { requiredKeys: ["worker_id", "state", "last_heartbeat", "health_status"] },
);
const aStep = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("beat" as const),
      hive: fc.constantFrom(...HIVES),
      workers: fc.uniqueArray(aReport, { maxLength: 3, selector: ({ worker_id }) => worker_id }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("ask" as const), hive: fc.constantFrom(...HIVES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), hive: fc.constantFrom(...HIVES) }) },
);

describe("what is handed out", () => {
  test("says what the heartbeat said, field by field, and stays so whatever comes after", () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 30 }), fc.boolean(), (steps, isWatched) => {
        const clock = new FakeClock();
        const registry = new HiveRegistry({ now: clock.now });
        const events: RegistryEvent[] = [];
        if (isWatched) registry.subscribe((event) => events.push(event));
        const reported = new Map<string, readonly WorkerInfo[]>();
        const beats: (readonly WorkerInfo[])[] = [];
        /** Each is looked at only in the end. */
        const looks: { readonly look: () => unknown; readonly was: unknown }[] = [];
        for (const step of steps) {
          clock.advance(1_000);
          if (step.do === "beat") {
            const { hive, workers } = step;
            registry.updateHiveState(hive, aHeartbeat({ hive_id: hive, timestamp: clock.iso(), workers }));
            reported.set(hive, workers);
            beats.push(workers);
          } else if (step.do === "remove") {
            registry.removeHive(step.hive);
            reported.delete(step.hive);
          } else {
            const was = reported.get(step.hive);
            const state = registry.getHiveState(step.hive);
            expect(state?.worker_count).toBe(was?.length);
            looks.push({ look: () => state?.workers, was });
            const snapshot = registry.snapshot();
            const all = [...reported].map(([hive_id, workers]) => ({ hive_id, workers }));
            looks.push({
              look: () => snapshot.hives.map(({ report, workers }) => ({ hive_id: report.hive_id, workers })),
              was: expect.arrayContaining(all),
            });
            expect(registry.getWorkersOnHive(step.hive)).toEqual(was ?? []);
          }
        }
        for (const { look, was } of looks) expect(look()).toEqual(was);
        const told = events.flatMap((event) => (event.type === "hive.heartbeat" ? [event.workers] : []));
        if (isWatched) expect(told).toEqual(beats);
        const workers = [...reported].flatMap(([hive_id, list]) => list.map((worker) => ({ hive_id, worker })));
        const listed = registry.listAllWorkers();
        expect(listed).toHaveLength(workers.length);
        expect(listed).toEqual(expect.arrayContaining(workers));
      }),
      { numRuns: 300 },
    );
  });

  test("has the workers of a hive's state as a field like any other", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    registry.updateHiveState("localhost", aHeartbeat({ workers: [aWorker()] }));
    const state = registry.getHiveState("localhost");
    expect({ ...state }.workers).toEqual([aWorker()]);
    expect(JSON.parse(JSON.stringify(state))).toMatchObject({ hive_id: "localhost", workers: [aWorker()] });
    expect(structuredClone(state)).toEqual(state);
  });

  test("cannot be changed by who gets it", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    const payload = aHeartbeat({ workers: [aWorker({ models: ["m"] })] });
    registry.updateHiveState("localhost", payload);
    const shared = [
      () => registry.getHiveState("localhost")?.workers[0],
      () => registry.snapshot().hives[0]?.workers[0],
      () => registry.getWorkersOnHive("localhost")[0],
    ];
    const own = [
      () => registry.getWorker("worker-1")?.worker,
      () => registry.findIdleWorkers()[0]?.worker,
      () => registry.findBestWorkerForModel("m")?.worker,
    ];
    for (const give of shared)
      expect(() => Object.assign(give() ?? {}, { url: "http://elsewhere" })).toThrow(TypeError);
    for (const give of own) Object.assign(give() ?? {}, { url: "http://elsewhere" });
    for (const give of [...shared, ...own]) {
      const worker = give() as unknown as { url: string; models: string[] };
      expect(worker.url).toBe("http://127.0.0.1:9300");
      expect(() => worker.models.push("n")).toThrow(TypeError);
    }
    // Nor by who gave it.
    const [reported] = payload.workers as unknown as [{ models: string[] }];
    Object.assign(reported, { url: "http://elsewhere" });
    reported.models.push("n");
    expect(registry.getWorker("worker-1")?.worker).toEqual(aWorker({ models: ["m"] }));
    expect(registry.findWorkersByModel("n")).toEqual([]);
  });
});

describe("heartbeats for those who want them", () => {
  test("are told to them alone, and counted for all", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    const [all, few]: RegistryEvent["type"][][] = [[], []];
    registry.subscribe(({ type }) => few?.push(type), { heartbeats: false });
    registry.updateHiveState("localhost", aHeartbeat({ boot_id: "b", seq: 1 }));
    const leave = registry.subscribe(({ type }) => all?.push(type));
    registry.renewLease({ hive_id: "localhost", boot_id: "b", seq: 2 });
    leave();
    leave();
    registry.updateHiveState("localhost", aHeartbeat({ boot_id: "b", seq: 3 }));
    registry.removeHive("localhost");
    expect({ all, few, revision: registry.revision }).toEqual({
      ...{ all: ["hive.lease"], few: ["hive.removed"], revision: 4 },
    });
  });
});
