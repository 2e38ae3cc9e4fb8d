import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aWorker } from "../testing/builders.ts";
import type { DeviceInfo } from "../types.ts";
import { memoryNeed } from "./need.ts";
import { findHiveForModel, type HeldMemory, type HiveRoom, type PlaceOptions, type PlaceRequest } from "./place.ts";
import { DEFAULT_UNDER_WAY_LIMITS, PlacementsUnderWay } from "./under-way.ts";

const GB = 1e9;

function aDevice(free_gb: number | null, fields: Partial<DeviceInfo> = {}): DeviceInfo {
  const vram_free_bytes = free_gb === null ? null : free_gb * GB;
  return {
    ...{ id: "gpu", backend: "cuda", name: "GPU", vram_total_bytes: 24 * GB, vram_free_bytes },
    ...{ utilization_percent: null, temperature_c: null, power_w: null, uuid: null, driver: null },
    ...fields,
  };
}

const aHive = (hive_id: string, fields: Partial<HiveRoom> = {}): HiveRoom => ({
  hive_id,
  status: "alive",
  ram_available_gb: 32,
  ...fields,
});
const gpus = (hive_id: string, ...free: readonly (number | null)[]) =>
  aHive(hive_id, { devices: free.map((one) => aDevice(one)) });
const EXACT: PlaceOptions = { marginBytes: 0 };
const need = (gb: number, wish: Omit<PlaceRequest, "memory_bytes"> = {}): PlaceRequest => ({
  memory_bytes: gb * GB,
  ...wish,
});

describe("a model goes", () => {
  test("where the least is left over", () => {
    const fleet = [gpus("a", 24), gpus("b", 6, 9), gpus("c", 12)];
    expect(findHiveForModel(fleet, need(7), [], EXACT)).toEqual({
      place: { hive_id: "b", device_id: 1, room_bytes: 9 * GB },
    });
  });

  test("first to a machine that has the file, even if it fits less well", () => {
    const options = { ...EXACT, hasFile: (id: string) => id === "a" };
    expect(findHiveForModel([gpus("a", 24), gpus("b", 8)], need(7), [], options).place?.hive_id).toBe("a");
  });

  test("to a device before it goes into RAM, and into RAM where there is no device", () => {
    expect(findHiveForModel([aHive("a"), gpus("b", 24)], need(7), [], EXACT).place).toMatchObject({ hive_id: "b" });
    expect(findHiveForModel([aHive("a"), gpus("b", 6)], need(7), [], EXACT).place).toEqual({
      ...{ hive_id: "a", room_bytes: 32 * GB },
    });
  });

  test("into RAM where no device tells what is free: those that share the machine's memory often do not", () => {
    expect(findHiveForModel([gpus("a", null)], need(7), [], EXACT).place).toEqual({
      ...{ hive_id: "a", room_bytes: 32 * GB },
    });
    expect(findHiveForModel([gpus("a", null, 6)], need(7), [], EXACT).place).toBeUndefined();
    expect(findHiveForModel([gpus("a", null)], need(7, { device_id: 0 }), [], EXACT)).toMatchObject({
      lacks: [{ reason: "room_unknown" }],
    });
  });

  test("into RAM of any machine when the CPU is asked for", () => {
    const fleet = [gpus("b", 24)];
    expect(findHiveForModel(fleet, need(7, { backend: "cpu" }), [], EXACT).place).toEqual({
      ...{ hive_id: "b", room_bytes: 32 * GB },
    });
  });

  test("never where its memory is promised to another already", () => {
    const held: HeldMemory[] = [{ hive_id: "a", device_id: 0, memory_bytes: 20 * GB }];
    expect(findHiveForModel([gpus("a", 24, 10)], need(7), held, EXACT).place?.device_id).toBe(1);
    expect(findHiveForModel([gpus("a", 24)], need(7), held, EXACT)).toEqual({
      lacks: [{ hive_id: "a", reason: "no_room", room_bytes: 4 * GB }],
    });
  });

  test("to a device by its number, which is its place in the list only where the hive does not tell it", () => {
    const fleet = [aHive("a", { devices: [aDevice(4, { index: 0 }), aDevice(9, { index: 101 })] })];
    expect(findHiveForModel(fleet, need(7), [], EXACT).place?.device_id).toBe(101);
    expect(findHiveForModel(fleet, need(7, { device_id: 101 }), [], EXACT).place?.device_id).toBe(101);
    expect(findHiveForModel(fleet, need(7, { device_id: 1 }), [], EXACT)).toMatchObject({
      lacks: [{ reason: "other_device" }],
    });
    const held: HeldMemory[] = [{ hive_id: "a", device_id: 101, memory_bytes: 3 * GB }];
    expect(findHiveForModel(fleet, need(7), held, EXACT)).toMatchObject({ lacks: [{ room_bytes: 6 * GB }] });
  });

  test("into memory that a device and the machine share only once, whichever of the two it was promised from", () => {
    const fleet = [aHive("a", { devices: [aDevice(30, { index: 2, memory: "unified" })] })];
    expect(findHiveForModel(fleet, need(28), [], EXACT).place).toMatchObject({ device_id: 2, room_bytes: 30 * GB });
    for (const device_id of [undefined, 2]) {
      const held: HeldMemory[] = [
        { hive_id: "a", ...(device_id === undefined ? {} : { device_id }), memory_bytes: 9 * GB },
      ];
      const roomOf = (wish: object) => findHiveForModel(fleet, need(20, wish), held, EXACT).place?.room_bytes;
      expect([roomOf({}), roomOf({ backend: "cpu" })]).toEqual([21 * GB, 23 * GB]);
    }
  });

  test("past a device that does not tell beside one that does; asked for by name, it has the machine's room if that is its memory", () => {
    const silent = aDevice(null, { index: 1, backend: "vulkan", memory: "unified" });
    const fleet = [aHive("a", { devices: [aDevice(8, { index: 0 }), silent] })];
    expect(findHiveForModel(fleet, need(7), [], EXACT).place?.device_id).toBe(0);
    expect(findHiveForModel(fleet, need(9), [], EXACT)).toMatchObject({ lacks: [{ room_bytes: 8 * GB }] });
    const named = { device_id: 1, room_bytes: 32 * GB };
    expect(findHiveForModel(fleet, need(9, { backend: "vulkan" }), [], EXACT).place).toMatchObject(named);
    expect(findHiveForModel(fleet, need(9, { device_id: 1 }), [], EXACT).place).toMatchObject(named);
  });

  test("not into the margin", () => {
    expect(findHiveForModel([gpus("a", 7)], need(7)).place).toBeUndefined();
    expect(findHiveForModel([gpus("a", 7.6)], need(7)).place).toBeDefined();
  });
});

test("nobody has room: each hive tells the first reason against it", () => {
  const fleet = [
    gpus("full", 2, 3),
    gpus("quiet", null),
    aHive("gone", { status: "silent" }),
    aHive("shaky", { status: "suspect" }),
    gpus("tried", 24),
    aHive("abroad", { labels: { zone: "us" } }),
    aHive("amd", { devices: [aDevice(24, { backend: "rocm" })], labels: { zone: "eu" } }),
  ];
  const eu = fleet.map((hive) => ({ labels: { zone: "eu" }, ...hive }));
  const request = need(7, { backend: "cuda", labels: { zone: "eu" }, exclude: ["tried"] });
  expect(findHiveForModel(eu, request, [], EXACT)).toEqual({
    lacks: [
      { hive_id: "full", reason: "no_room", room_bytes: 3 * GB },
      { hive_id: "quiet", reason: "room_unknown" },
      { hive_id: "gone", reason: "hive_silent" },
      { hive_id: "shaky", reason: "hive_suspect" },
      { hive_id: "tried", reason: "excluded" },
      { hive_id: "abroad", reason: "other_label" },
      { hive_id: "amd", reason: "other_backend" },
    ],
  });
  expect(findHiveForModel([gpus("a", 24)], need(1, { device_id: 3 }))).toMatchObject({
    lacks: [{ reason: "other_device" }],
  });
  expect(findHiveForModel([gpus("a", 24)], need(1, { hive_id: "b" }))).toMatchObject({
    lacks: [{ reason: "other_hive" }],
  });
});

describe("the best place", () => {
  const aRoom: fc.Arbitrary<HiveRoom[]> = fc
    .array(
      fc.record({
        status: fc.constantFrom("alive" as const, "alive" as const, "suspect" as const, "silent" as const),
        ram_available_gb: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
        devices: fc
          .tuple(
            fc.constantFrom(undefined, 0, 1),
            fc.array(
              fc.tuple(
                fc.option(fc.integer({ min: 0, max: 9 })),
                fc.constantFrom({ backend: "cuda" }, { backend: "rocm" }, { memory: "unified" as const }),
              ),
              { maxLength: 3 },
            ),
          )
          .map(([first, all]) =>
            all.map(([free, kind], at) =>
              aDevice(free, { ...kind, ...(first === undefined ? {} : { index: first + at }) }),
            ),
          ),
        labels: fc.constantFrom({}, { zone: "eu" }),
      }),
      { maxLength: 5 },
    )
    .map((hives) =>
      hives.map(({ ram_available_gb, ...hive }, at) => ({
        ...{ hive_id: `h${at}`, ...hive },
        ...(ram_available_gb === undefined ? {} : { ram_available_gb }),
      })),
    );
  const aRequest: fc.Arbitrary<PlaceRequest> = fc.record(
    {
      memory_bytes: fc.integer({ min: 0, max: 9 }).map((gb) => gb * GB),
      backend: fc.constantFrom("cuda", "rocm", "cpu", "metal"),
      hive_id: fc.constantFrom("h0", "h1"),
      device_id: fc.integer({ min: 0, max: 3 }),
      labels: fc.constant({ zone: "eu" }),
      exclude: fc.constant(["h2"]),
    },
    { requiredKeys: ["memory_bytes"] },
  );
  const aHeld: fc.Arbitrary<HeldMemory[]> = fc.array(
    fc.record(
      {
        hive_id: fc.constantFrom("h0", "h1", "h2"),
        device_id: fc.integer({ min: 0, max: 3 }),
        memory_bytes: fc.integer({ min: 0, max: 4 }).map((gb) => gb * GB),
      },
      { requiredKeys: ["hive_id", "memory_bytes"] },
    ),
    { maxLength: 4 },
  );

  /** All places in one list, filtered and sorted: what the function says without saying it twice. */
  function naive(hives: readonly HiveRoom[], request: PlaceRequest, held: readonly HeldMemory[], files: string) {
    const spots = hives.flatMap(({ hive_id, devices = [], ram_available_gb }) => {
      const onDevices = devices.map(({ index, backend, memory, vram_free_bytes: free }, at) => ({
        ...{ hive_id, at: index ?? at, backend, free, isShared: memory === "unified" },
      }));
      const hasNone =
        devices.every(({ vram_free_bytes }) => vram_free_bytes === null) && request.device_id === undefined;
      const ram = {
        hive_id,
        at: -1,
        backend: "cpu",
        isShared: true,
        free: ram_available_gb === undefined ? null : ram_available_gb * GB,
      };
      return request.backend === "cpu" || (request.backend === undefined && hasNone) ? [ram] : onDevices;
    });
    /** On its device, or where that is the machine's, anywhere in it. */
    const takesFrom = (spot: { readonly at: number; readonly isShared: boolean }, one: HeldMemory) => {
      if ((one.device_id ?? -1) === spot.at) return true;
      const { devices = [] } = hives.find(({ hive_id }) => hive_id === one.hive_id) ?? {};
      const its = devices.find(({ index }, at) => (index ?? at) === one.device_id);
      return spot.isShared && (one.device_id === undefined || its?.memory === "unified");
    };
    const [best] = spots
      .filter(({ hive_id }) => hives.find((hive) => hive.hive_id === hive_id)?.status === "alive")
      .filter(({ hive_id }) => request.hive_id === undefined || request.hive_id === hive_id)
      .filter(({ hive_id }) => !(request.exclude ?? []).includes(hive_id))
      .filter(({ hive_id }) => {
        const labels = hives.find((hive) => hive.hive_id === hive_id)?.labels ?? {};
        return request.labels === undefined || labels.zone === request.labels.zone;
      })
      .filter(({ backend }) => request.backend === undefined || backend === request.backend)
      .filter(({ at }) => request.device_id === undefined || at === request.device_id)
      .map((spot, _, asked) => {
        const { ram_available_gb } = hives.find(({ hive_id }) => hive_id === spot.hive_id) ?? {};
        const isTold = asked.some(({ hive_id, free }) => hive_id === spot.hive_id && free !== null);
        const isRam = !isTold && spot.isShared && ram_available_gb !== undefined;
        return isRam ? { ...spot, free: (ram_available_gb as number) * GB } : spot;
      })
      .flatMap((spot) => {
        const { hive_id, at, free } = spot;
        const promised = held.filter((one) => one.hive_id === hive_id && takesFrom(spot, one));
        const room = free === null ? -1 : Math.max(0, free - promised.reduce((sum, one) => sum + one.memory_bytes, 0));
        return room >= request.memory_bytes ? [{ hive_id, at, room }] : [];
      })
      .sort(
        (a, b) =>
          Number(files.includes(b.hive_id)) - Number(files.includes(a.hive_id)) ||
          Number(b.at >= 0) - Number(a.at >= 0) ||
          a.room - b.room ||
          (a.hive_id < b.hive_id ? -1 : Number(a.hive_id > b.hive_id)) ||
          a.at - b.at,
      );
    return best;
  }

  test("is what a list, filtered and sorted, gives", () => {
    fc.assert(
      fc.property(aRoom, aRequest, aHeld, fc.constantFrom("", "h0", "h1 h2"), (hives, request, held, files) => {
        const options = { marginBytes: 0, hasFile: (id: string) => files.includes(id) };
        const found = findHiveForModel(hives, request, held, options);
        const twin = naive(hives, request, held, files);
        const place = found.place && {
          hive_id: found.place.hive_id,
          at: found.place.device_id ?? -1,
          room: found.place.room_bytes,
        };
        expect(place).toEqual(twin);
        if (found.place === undefined)
          expect(found.lacks.map(({ hive_id }) => hive_id)).toEqual(hives.map(({ hive_id }) => hive_id));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("placements under way", () => {
  const { unseenMs, settleMs } = DEFAULT_UNDER_WAY_LIMITS;
  const held: HeldMemory = { hive_id: "desk", device_id: 0, memory_bytes: 5 };
  const loading = aWorker({ worker_id: "w", state: "Loading" });
  const ready = aWorker({ worker_id: "w" });

  test("hold their memory until a measurement must have it, which is two samples after the worker was ready", () => {
    const underWay = new PlacementsUnderWay();
    underWay.taken(underWay.begin(held, 0), "w");
    underWay.hear("desk", [loading], 100);
    underWay.tick(10 * unseenMs);
    expect([...underWay.loading()]).toHaveLength(1);
    underWay.hear("desk", [ready], 10 * unseenMs);
    expect([...underWay.loading()]).toEqual([]);
    underWay.hear("desk", undefined, 10 * unseenMs + settleMs - 1);
    expect([...underWay]).toMatchObject([held]);
    underWay.hear("rack", undefined, 10 * unseenMs + settleMs);
    expect(underWay.size).toBe(1);
    underWay.hear("desk", undefined, 10 * unseenMs + settleMs);
    expect(underWay.size).toBe(0);
  });

  test("end when the worker that was seen is gone, when the hive is, and when nobody ever saw it", () => {
    const underWay = new PlacementsUnderWay();
    underWay.taken(underWay.begin(held, 0), "w");
    underWay.hear("desk", [], 50);
    expect(underWay.size, "the report may be older than the worker").toBe(1);
    underWay.hear("desk", [loading], 100);
    underWay.hear("desk", [], 200);
    expect(underWay.size).toBe(0);

    underWay.begin({ ...held, hive_id: "rack" }, 0);
    underWay.hiveIsGone("desk");
    expect(underWay.size).toBe(1);
    underWay.hiveIsGone("rack");
    expect(underWay.size).toBe(0);

    underWay.begin(held, 0);
    underWay.tick(unseenMs - 1);
    expect(underWay.size).toBe(1);
    underWay.tick(unseenMs);
    expect(underWay.size).toBe(0);

    const failed = underWay.begin(held, 0);
    underWay.end(failed);
    underWay.end(failed);
    expect(underWay.size).toBe(0);
  });

  /** A machine as it is, and as it tells: its devices are measured every 5 s, its workers are told as they are. */
  class Machine {
    readonly #capacity: readonly number[];
    readonly #hiveId: string;
    readonly workers: Map<string, { device: number; memory: number; startedMs: number; loadMs: number }> = new Map();
    #measured: readonly number[];

    constructor(hiveId: string, capacity: readonly number[]) {
      this.#hiveId = hiveId;
      this.#capacity = capacity;
      this.#measured = capacity;
    }

    /** It takes its memory bit by bit. */
    measure(nowMs: number): void {
      this.#measured = this.#capacity.map((capacity, device) => {
        let free = capacity;
        for (const worker of this.workers.values()) {
          const loaded = worker.loadMs === 0 ? 1 : Math.min(1, (nowMs - worker.startedMs) / worker.loadMs);
          if (worker.device === device) free -= worker.memory * loaded;
        }
        return free;
      });
    }

    report(nowMs: number) {
      const workers = [...this.workers].map(([worker_id, { startedMs, loadMs }]) =>
        aWorker({ worker_id, state: nowMs - startedMs < loadMs ? "Loading" : "Idle" }),
      );
      const devices = this.#measured.map((free) => ({ ...aDevice(0), vram_free_bytes: free }));
      return { workers, room: { hive_id: this.#hiveId, status: "alive", devices } satisfies HiveRoom };
    }

    overfull(): number[] {
      return this.#capacity.map((capacity, device) => {
        const promised = [...this.workers.values()].filter((one) => one.device === device);
        return Math.max(0, promised.reduce((sum, { memory }) => sum + memory, 0) - capacity);
      });
    }
  }

  test("never promise a device's memory twice, whatever is placed, loads, fails and ends meanwhile", () => {
    const aStep = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant("place" as const),
          memory: fc.integer({ min: 20, max: 60 }),
          loadMs: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 40_000 })),
        }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 9_000 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat({ max: 9 }) }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("refuse" as const), memory: fc.integer({ min: 1, max: 60 }) }),
      },
    );
    let placed = 0;
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 40 }), fc.integer({ min: 200, max: 5_000 }), (steps, beatMs) => {
        const machines = new Map([
          ["a", new Machine("a", [100, 50])],
          ["b", new Machine("b", [70])],
        ]);
        const underWay = new PlacementsUnderWay();
        const known = new Map<string, HiveRoom>();
        let nowMs = 0;
        const beat = () => {
          for (const [id, machine] of machines) {
            const { workers, room } = machine.report(nowMs);
            known.set(id, room);
            underWay.hear(id, workers, nowMs);
          }
        };
        beat();
        const find = (memory_bytes: number) =>
          findHiveForModel(known.values(), { memory_bytes }, underWay, EXACT).place;
        let ids = 0;
        for (const step of steps) {
          if (step.do === "wait") {
            for (const endMs = nowMs + step.ms; nowMs < endMs; nowMs++) {
              if (nowMs % 5_000 === 0) for (const machine of machines.values()) machine.measure(nowMs);
              if (nowMs % beatMs === 0) beat();
            }
            underWay.tick(nowMs);
          } else if (step.do === "end") {
            for (const machine of machines.values()) machine.workers.delete(`w${step.which}`);
          } else {
            const place = find(step.memory);
            if (place === undefined) continue;
            const held = { hive_id: place.hive_id, device_id: place.device_id as number, memory_bytes: step.memory };
            const ticket = underWay.begin(held, nowMs);
            if (step.do === "refuse") {
              underWay.end(ticket);
              continue;
            }
            const worker = { device: held.device_id, memory: step.memory, startedMs: nowMs, loadMs: step.loadMs };
            machines.get(place.hive_id)?.workers.set(`w${ids}`, worker);
            underWay.taken(ticket, `w${ids++}`);
            placed++;
          }
          for (const machine of machines.values()) expect(machine.overfull().every((bytes) => bytes === 0)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
    expect(placed).toBeGreaterThan(300);
  });
});

describe("what a model needs", () => {
  const MIB = 1_048_576;

  test("is weights, contexts and overhead: Llama 3.1 8B with 8,192 tokens takes about 6 GiB", () => {
    const llama = { weights_bytes: 4.92e9, context_tokens: 131_072, kv_bytes_per_token: 32 * 8 * 256 * 2 };
    const compute = 4 * 512 * (4_096 + 128_256);
    const gib = memoryNeed({ ...llama, compute_bytes: compute }, { slots: 1, context_tokens: 8_192 }) / 2 ** 30;
    expect(gib).toBeGreaterThan(6);
    expect(gib).toBeLessThan(6.5);
    const four =
      memoryNeed(llama, { slots: 4, context_tokens: 8_192 }) - memoryNeed(llama, { slots: 1, context_tokens: 8_192 });
    expect(four).toBe(3 * 2 ** 30);
  });

  test("has no longer context than the model was trained for, and windows and states that do not grow with it", () => {
    const model = {
      weights_bytes: 0,
      kv_bytes_per_token: 10,
      context_tokens: 1_000,
      window_tokens: 88,
      window_bytes_per_token: 3,
      state_bytes: 7,
    };
    expect(memoryNeed(model, { slots: 2, context_tokens: 9_999 }) - 512 * MIB).toBe(2 * (10_000 + 600 * 3 + 7));
    expect(memoryNeed(model, { slots: 2, context_tokens: 100 }) - 512 * MIB).toBe(2 * (1_000 + 300 + 7));
  });

  test("is a quarter more than its file when the file tells nothing else", () => {
    expect(memoryNeed({ weights_bytes: 8e9 }, { slots: 64 })).toBe(10e9 + 512 * MIB);
  });
});
