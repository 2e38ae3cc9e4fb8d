import { describe, expect, test } from "vitest";
import { HiveRegistry } from "./registry.ts";
import { aHeartbeat, aWorker, FakeClock } from "./testing/builders.ts";

/** The seed's "Testing Requirements", by its names. */
describe("seed, unit tests", () => {
  test("1. Create registry: a new one is empty and answers every question", () => {
    const registry = new HiveRegistry();
    expect(registry.listAllHives()).toEqual([]);
    expect(registry.listAllWorkers()).toEqual([]);
    expect(registry.listActiveHives(30_000)).toEqual([]);
    expect(registry.findIdleWorkers()).toEqual([]);
    expect(registry.findWorkersByModel("llama-3-8b")).toEqual([]);
    expect(registry.findWorkersByBackend("cuda")).toEqual([]);
    expect(registry.getWorkersOnHive("localhost")).toEqual([]);
    expect(registry.hiveCount()).toBe(0);
    expect(registry.totalWorkerCount()).toBe(0);
    expect(registry.getHiveState("localhost")).toBeUndefined();
    expect(registry.getAvailableResources("localhost")).toBeUndefined();
    expect(registry.getWorkerCount("localhost")).toBeUndefined();
    expect(registry.getWorker("worker-1")).toBeUndefined();
    expect(registry.getWorkerUrl("worker-1")).toBeUndefined();
    expect(registry.findBestWorkerForModel("llama-3-8b")).toBeUndefined();
    expect(registry.isHiveOnline("localhost", 30_000)).toBe(false);
    expect(registry.removeHive("localhost")).toBe(false);
  });

  test("2. Update hive state: the seed's own payload is taken", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    const result = registry.updateHiveState("localhost", {
      hive_id: "localhost",
      timestamp: "2025-10-21T10:00:00Z",
      workers: [
        { worker_id: "worker-1", state: "Idle", last_heartbeat: "2025-10-21T10:00:00Z", health_status: "healthy" },
      ],
    });
    expect(result).toMatchObject({ accepted: true });
    expect(registry.listAllHives()).toEqual(["localhost"]);
  });

  test("3. Get hive state: workers, time and sums of what the workers report", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    const workers = [
      aWorker({ worker_id: "a", vram_bytes: 8_000_000_000, ram_bytes: 1_500_000_000 }),
      aWorker({ worker_id: "b", vram_bytes: 500_000_000 }),
      aWorker({ worker_id: "c" }),
    ];
    registry.updateHiveState("localhost", aHeartbeat({ workers }));
    expect(registry.getHiveState("localhost")).toEqual({
      hive_id: "localhost",
      workers,
      last_heartbeat_ms: clock.ms,
      received_at_ms: clock.ms,
      vram_used_gb: 8.5,
      ram_used_gb: 1.5,
      worker_count: 3,
      status: "alive",
    });
  });

  test("4. List active hives: only those heard within the given age", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    registry.updateHiveState("old", aHeartbeat({ hive_id: "old", timestamp: "2020-01-01T00:00:00Z" }));
    registry.updateHiveState("new", aHeartbeat({ hive_id: "new" }));
    expect(registry.listActiveHives(30_000)).toEqual(["new"]);
    expect(registry.listActiveHives(Number.MAX_SAFE_INTEGER).sort()).toEqual(["new", "old"]);
  });

  test("5. Remove hive: it is gone with all its workers, and removing it again is false", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    registry.updateHiveState("localhost", aHeartbeat({ workers: [aWorker({ model_id: "m", backend: "cuda" })] }));
    expect(registry.removeHive("localhost")).toBe(true);
    expect(registry.removeHive("localhost")).toBe(false);
    expect(registry.getHiveState("localhost")).toBeUndefined();
    expect(registry.totalWorkerCount()).toBe(0);
    expect(registry.findBestWorkerForModel("m")).toBeUndefined();
    expect(registry.findWorkersByBackend("cuda")).toEqual([]);
  });

  test("6. Get available resources: what the workers use and the devices have", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    const device = {
      backend: "cuda",
      utilization_percent: 3,
      temperature_c: null,
      power_w: null,
      uuid: null,
      driver: null,
    };
    const devices = [
      { ...device, id: "0", name: "RTX 4090", vram_total_bytes: 24e9, vram_free_bytes: 16e9 },
      { ...device, id: "1", name: "GB10", vram_total_bytes: null, vram_free_bytes: null },
    ];
    registry.updateHiveState("localhost", aHeartbeat({ workers: [aWorker({ vram_bytes: 8e9 })], devices }));
    expect(registry.getAvailableResources("localhost")).toEqual({
      vram_used_gb: 8,
      ram_used_gb: 0,
      worker_count: 1,
      vram_total_gb: 24,
      vram_free_gb: 16,
      devices,
    });
  });

  test("6. Get available resources: devices that use the machine's memory count it once", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    const unknown = { utilization_percent: null, temperature_c: null, power_w: null, uuid: null, driver: null };
    const aDevice = (index: number, total: number, free: number, memory?: "unified") => ({
      ...{ ...unknown, id: `${index}`, backend: "vulkan", name: "GPU", index },
      ...{ vram_total_bytes: total * 1e9, vram_free_bytes: free * 1e9, ...(memory && { memory }) },
    });
    const devices = [aDevice(0, 24, 20), aDevice(1, 40, 30, "unified"), aDevice(2, 50, 10, "unified")];
    registry.updateHiveState("localhost", aHeartbeat({ devices }));
    expect(registry.getAvailableResources("localhost")).toMatchObject({ vram_total_gb: 74, vram_free_gb: 50, devices });
  });

  test("7. Worker count tracking: by hive and in all", () => {
    const registry = new HiveRegistry({ now: new FakeClock().now });
    registry.updateHiveState(
      "a",
      aHeartbeat({ hive_id: "a", workers: [aWorker(), aWorker({ worker_id: "worker-2" })] }),
    );
    registry.updateHiveState("b", aHeartbeat({ hive_id: "b", workers: [] }));
    expect(registry.getWorkerCount("a")).toBe(2);
    expect(registry.getWorkerCount("b")).toBe(0);
    expect(registry.totalWorkerCount()).toBe(2);
  });

  test("8. Online status check: online until max_age_ms, not a millisecond longer", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    registry.updateHiveState("localhost", aHeartbeat());
    clock.advance(29_999);
    expect(registry.isHiveOnline("localhost", 30_000)).toBe(true);
    clock.advance(1);
    expect(registry.isHiveOnline("localhost", 30_000)).toBe(false);
    expect(registry.isHiveOnline("nobody", 30_000)).toBe(false);
  });

  test("9. Thread safety: what a reader holds never changes under it, and it cannot change the registry", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    const mine = { ...aWorker({ gpu_percent: 10, models: ["m"] }) };
    const payload = { ...aHeartbeat(), workers: [mine] };
    registry.updateHiveState("localhost", payload);
    const state = registry.getHiveState("localhost");
    const held = registry.getWorker("worker-1");

    Object.assign(mine, { gpu_percent: 99 });
    payload.workers.length = 0;
    clock.advance(1);
    registry.updateHiveState(
      "localhost",
      aHeartbeat({ timestamp: clock.iso(), workers: [aWorker({ gpu_percent: 50 })] }),
    );

    expect(held?.worker.gpu_percent).toBe(10);
    expect(state?.workers).toMatchObject([{ gpu_percent: 10 }]);
    Object.assign(held?.worker as object, { gpu_percent: 1 });
    expect(() => Object.assign(state?.workers[0] as object, { gpu_percent: 1 })).toThrow(TypeError);
    expect(() => (held?.worker.models as unknown as string[])?.push("x")).toThrow(TypeError);
    expect(() => (state?.workers as unknown as number[])?.push(1)).toThrow(TypeError);
    expect(registry.getWorker("worker-1")?.worker.gpu_percent).toBe(50);
    registry.listAllWorkers().length = 0;
    registry.getWorkersOnHive("localhost").length = 0;
    expect(registry.totalWorkerCount()).toBe(1);
    expect(registry.getWorkersOnHive("localhost")).toHaveLength(1);
  });

  test("10. Heartbeat age calculation: now minus the hive's timestamp, never negative", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    registry.updateHiveState("past", aHeartbeat({ hive_id: "past", timestamp: clock.iso(-10_000) }));
    registry.updateHiveState("future", aHeartbeat({ hive_id: "future", timestamp: clock.iso(86_400_000) }));
    registry.updateHiveState("unreadable", aHeartbeat({ hive_id: "unreadable", timestamp: "yesterday, about noon" }));
    expect(registry.isHiveOnline("past", 10_000)).toBe(false);
    expect(registry.isHiveOnline("past", 10_001)).toBe(true);
    for (const id of ["future", "unreadable"]) {
      expect(registry.isHiveOnline(id, 1)).toBe(true);
      expect(registry.getHiveState(id)?.received_at_ms).toBe(clock.ms);
    }
    clock.advance(30_000);
    expect(registry.isHiveOnline("future", 30_000)).toBe(false);
  });
});

describe("seed, integration tests", () => {
  test("1. Multiple hives updating concurrently: interleaved heartbeats leave each hive with its own last list", async () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    const beats = async (hive_id: string) => {
      for (let seq = 1; seq <= 20; seq++) {
        const workers = Array.from({ length: seq % 5 }, (_, at) => aWorker({ worker_id: `${hive_id}-${at}` }));
        registry.updateHiveState(hive_id, aHeartbeat({ hive_id, workers, boot_id: "b", seq }));
        await Promise.resolve();
        const state = registry.getHiveState(hive_id);
        expect(state?.worker_count).toBe(state?.workers.length);
      }
    };
    await Promise.all(Array.from({ length: 50 }, (_, at) => beats(`hive-${at}`)));
    expect(registry.hiveCount()).toBe(50);
    expect(registry.totalWorkerCount()).toBe(0);
    registry.updateHiveState("hive-7", aHeartbeat({ hive_id: "hive-7", boot_id: "b", seq: 21 }));
    expect(registry.listAllWorkers()).toEqual([{ hive_id: "hive-7", worker: aWorker() }]);
  });

  test("2. Hive goes offline (old heartbeat): it leaves the active list and its workers are not chosen", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    registry.updateHiveState("localhost", aHeartbeat({ workers: [aWorker({ model_id: "m" })] }));
    expect(registry.findBestWorkerForModel("m")).toBeDefined();
    clock.advance(30_000);
    expect(registry.listActiveHives(30_000)).toEqual([]);
    expect(registry.getHiveState("localhost")).toMatchObject({ status: "silent", worker_count: 1 });
    expect(registry.findBestWorkerForModel("m")).toBeUndefined();
    expect(registry.listAllHives()).toEqual(["localhost"]);
  });

  test("3. Hive comes back online: its next heartbeat makes it active at once", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    registry.updateHiveState("localhost", aHeartbeat({ workers: [aWorker({ model_id: "m" })] }));
    clock.advance(120_000);
    registry.tick();
    registry.updateHiveState(
      "localhost",
      aHeartbeat({ timestamp: clock.iso(), workers: [aWorker({ model_id: "m" })] }),
    );
    expect(registry.listActiveHives(30_000)).toEqual(["localhost"]);
    expect(registry.getHiveState("localhost")?.status).toBe("alive");
    expect(registry.findBestWorkerForModel("m")).toMatchObject({ hive_id: "localhost" });
  });

  test("4. Worker count changes over time: who is not in the list is gone, who is new is there", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    const beat = (...ids: string[]) => {
      clock.advance(1_000);
      const workers = ids.map((worker_id) => aWorker({ worker_id }));
      registry.updateHiveState("localhost", aHeartbeat({ timestamp: clock.iso(), workers }));
    };
    beat("a");
    beat("a", "b", "c");
    expect(registry.getWorkerCount("localhost")).toBe(3);
    beat("c", "d");
    expect(registry.getWorkersOnHive("localhost").map(({ worker_id }) => worker_id)).toEqual(["c", "d"]);
    expect(registry.getWorker("a")).toBeUndefined();
    beat();
    expect(registry.totalWorkerCount()).toBe(0);
  });
});
