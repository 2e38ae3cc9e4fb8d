import { describe, expect, test } from "vitest";
import { RevisionGapError } from "./errors.ts";
import { HiveRegistry } from "./registry.ts";
import { aHeartbeat, aWorker, FakeClock } from "./testing/builders.ts";
import type { HiveHeartbeatPayload, RegistryEvent, WorkerInfo } from "./types.ts";

function aRegistry(): { clock: FakeClock; registry: HiveRegistry; events: RegistryEvent[] } {
  const clock = new FakeClock();
  const registry = new HiveRegistry({ now: clock.now });
  const events: RegistryEvent[] = [];
  registry.subscribe((event) => events.push(event));
  return { clock, registry, events };
}

const best = (registry: HiveRegistry, model = "m") => registry.findBestWorkerForModel(model)?.worker.worker_id;

describe("choosing", () => {
  const workers = (...fields: Partial<WorkerInfo>[]): WorkerInfo[] =>
    fields.map((field, at) => aWorker({ worker_id: `w${at}`, ...field }));
  const fleet = (...fields: Partial<WorkerInfo>[]): HiveRegistry => {
    const { registry } = aRegistry();
    registry.updateHiveState("localhost", aHeartbeat({ workers: workers(...fields) }));
    return registry;
  };

  test("a worker with the model beats a less used one without it", () => {
    expect(best(fleet({ gpu_percent: 0 }, { gpu_percent: 90, model_id: "m" }))).toBe("w1");
  });

  test("among workers with the model the lowest GPU usage wins, and an unknown usage counts as 100", () => {
    const has = { model_id: "m" };
    expect(best(fleet({ ...has }, { ...has, gpu_percent: 60 }, { ...has, gpu_percent: 40 }))).toBe("w2");
    expect(best(fleet({ ...has }, { ...has, gpu_percent: 99.9 }))).toBe("w1");
  });

  test("when no idle worker has the model, any idle one with the lowest GPU usage is chosen", () => {
    expect(best(fleet({ gpu_percent: 30, model_id: "x" }, { gpu_percent: 20 }, { model_id: "m", state: "Busy" }))).toBe(
      "w1",
    );
    expect(best(fleet({ model_id: "m", state: "Loading" }))).toBeUndefined();
  });

  test("a model among `models` counts as had", () => {
    expect(best(fleet({ gpu_percent: 0 }, { gpu_percent: 50, model_id: "x", models: ["x", "m"] }))).toBe("w1");
  });

  test("degraded workers come last, draining ones and ones without a URL never", () => {
    const has = { model_id: "m", gpu_percent: 0 };
    const { url: _, ...nowhere } = aWorker(has);
    expect(best(fleet({ ...has, health_status: "degraded" }, { ...has, gpu_percent: 100 }))).toBe("w1");
    expect(best(fleet({ ...has, health_status: "degraded" }))).toBe("w0");
    expect(best(fleet({ ...has, draining: true }))).toBeUndefined();
    const { registry } = aRegistry();
    registry.updateHiveState("localhost", aHeartbeat({ workers: [nowhere] }));
    expect(best(registry)).toBeUndefined();
    expect(registry.findIdleWorkers()).toHaveLength(1);
  });

  test("equals take turns, also after a heartbeat in between", () => {
    const { registry, clock } = aRegistry();
    const equals = workers({ model_id: "m" }, { model_id: "m" }, { model_id: "m" });
    registry.updateHiveState("localhost", aHeartbeat({ workers: equals }));
    const firstRound = [best(registry), best(registry)];
    clock.advance(1_000);
    registry.updateHiveState("localhost", aHeartbeat({ timestamp: clock.iso(), workers: equals }));
    firstRound.push(best(registry));
    expect(new Set(firstRound)).toEqual(new Set(["w0", "w1", "w2"]));
    expect([best(registry), best(registry), best(registry)]).toEqual(firstRound);
  });

  test("one that was busy in between keeps its turn", () => {
    const { registry, clock } = aRegistry();
    const beat = (...states: WorkerInfo["state"][]) => {
      clock.advance(100);
      const list = workers(...states.map((state) => ({ model_id: "m", state })));
      registry.updateHiveState("localhost", aHeartbeat({ timestamp: clock.iso(), workers: list }));
    };
    beat("Idle", "Idle");
    const first = best(registry);
    beat(...(first === "w0" ? (["Busy", "Idle"] as const) : (["Idle", "Busy"] as const)));
    beat("Idle", "Idle");
    expect(best(registry)).not.toBe(first);
  });

  test("a hive that falls silent gets no new work long before it counts as offline", () => {
    const { registry, clock, events } = aRegistry();
    registry.updateHiveState("localhost", aHeartbeat({ interval_ms: 5_000, workers: workers({ model_id: "m" }) }));
    clock.advance(12_499);
    expect(best(registry)).toBe("w0");
    clock.advance(1);
    expect(best(registry)).toBeUndefined();
    expect(registry.isHiveOnline("localhost", 30_000)).toBe(true);
    expect(registry.getHiveState("localhost")?.status).toBe("suspect");
    clock.advance(17_500);
    registry.tick();
    expect(events.map(({ type }) => type)).toEqual(["hive.heartbeat", "hive.suspect", "hive.silent"]);
  });

  test("a slow hive is judged by its own interval, but not by a boundless one", () => {
    const { registry, clock } = aRegistry();
    registry.updateHiveState("slow", aHeartbeat({ hive_id: "slow", interval_ms: 20_000, workers: workers({}) }));
    registry.updateHiveState("liar", aHeartbeat({ hive_id: "liar", interval_ms: 3_600_000, workers: [] }));
    clock.advance(45_000);
    expect(registry.getHiveState("slow")?.status).toBe("alive");
    clock.advance(35_000);
    expect(registry.getHiveState("slow")?.status).toBe("silent");
    clock.advance(70_000);
    expect(registry.getHiveState("liar")?.status).toBe("suspect");
  });

  test("a closed connection takes a hive out at once, goodbye makes it silent at once, a heartbeat brings it back", () => {
    const { registry, clock } = aRegistry();
    const beat = (fields: Partial<HiveHeartbeatPayload> = {}) => {
      clock.advance(10);
      const heartbeat = aHeartbeat({ timestamp: clock.iso(), workers: workers({ model_id: "m" }), ...fields });
      registry.updateHiveState("localhost", heartbeat);
    };
    beat();
    expect(registry.suspectHive("localhost")).toBe(true);
    expect(best(registry)).toBeUndefined();
    beat();
    expect(best(registry)).toBe("w0");
    beat({ goodbye: true });
    expect(registry.getHiveState("localhost")?.status).toBe("silent");
    expect(registry.isHiveOnline("localhost", 30_000)).toBe(false);
    expect(registry.listActiveHives(30_000)).toEqual([]);
    expect(best(registry)).toBeUndefined();
    expect(registry.suspectHive("localhost")).toBe(false);
    beat();
    expect(registry.getHiveState("localhost")?.status).toBe("alive");
  });
});

describe("whose clock", () => {
  test("with receivedAtMs only the receiver's clock decides, and the hive's error is shown", () => {
    const { registry, clock } = aRegistry();
    const timestamp = "2020-01-01T00:00:00Z";
    registry.updateHiveState("localhost", aHeartbeat({ timestamp }), { receivedAtMs: clock.ms });
    expect(registry.isHiveOnline("localhost", 30_000)).toBe(true);
    expect(registry.getHiveState("localhost")).toMatchObject({
      last_heartbeat_ms: Date.parse(timestamp),
      received_at_ms: clock.ms,
      clock_skew_ms: Date.parse(timestamp) - clock.ms,
    });
  });

  test("a clock that runs backwards is held", () => {
    const { registry, clock } = aRegistry();
    registry.updateHiveState("localhost", aHeartbeat());
    clock.advance(-3_600_000);
    expect(registry.isHiveOnline("localhost", 1)).toBe(true);
  });
});

describe("order", () => {
  const beat = (registry: HiveRegistry, fields: Partial<HiveHeartbeatPayload>) =>
    registry.updateHiveState("localhost", aHeartbeat(fields));

  test("of one boot, only a higher seq is taken", () => {
    const { registry } = aRegistry();
    expect(beat(registry, { boot_id: "b", seq: 5 }).accepted).toBe(true);
    expect(beat(registry, { boot_id: "b", seq: 5 })).toEqual({ accepted: false, reason: "stale" });
    expect(beat(registry, { boot_id: "b", seq: 4, workers: [] })).toEqual({ accepted: false, reason: "stale" });
    expect(beat(registry, { boot_id: "b", seq: 6, timestamp: "2001-01-01T00:00:00Z" }).accepted).toBe(true);
    expect(registry.getWorkerCount("localhost")).toBe(1);
  });

  test("a new boot replaces the old, and the old one never comes back", () => {
    const { registry } = aRegistry();
    beat(registry, { boot_id: "first", seq: 900 });
    expect(beat(registry, { boot_id: "second", seq: 1 }).accepted).toBe(true);
    expect(beat(registry, { boot_id: "first", seq: 901 })).toEqual({ accepted: false, reason: "stale" });
    expect(registry.renewLease({ hive_id: "localhost", boot_id: "first", seq: 902 })).toMatchObject({
      reason: "stale",
    });
    expect(registry.getHiveState("localhost")?.boot_id).toBe("second");
  });

  test("without seq, a timestamp a little older was overtaken, a much older one is a clock that was set back", () => {
    const { registry, clock } = aRegistry();
    beat(registry, { timestamp: clock.iso() });
    expect(beat(registry, { timestamp: clock.iso(-1) }).accepted).toBe(false);
    expect(beat(registry, { timestamp: clock.iso(-59_999) }).accepted).toBe(false);
    expect(beat(registry, { timestamp: clock.iso() }).accepted).toBe(true);
    expect(beat(registry, { timestamp: clock.iso(-60_000) }).accepted).toBe(true);
  });

  test("a lease keeps a hive alive, for the boot that sent its list", () => {
    const { registry, clock } = aRegistry();
    expect(registry.renewLease({ hive_id: "localhost", boot_id: "b", seq: 1 })).toEqual({
      accepted: false,
      reason: "unknown",
    });
    beat(registry, { boot_id: "b", seq: 1 });
    clock.advance(20_000);
    expect(registry.renewLease({ hive_id: "localhost", boot_id: "other", seq: 9 })).toMatchObject({
      reason: "unknown",
    });
    expect(registry.renewLease({ hive_id: "localhost", boot_id: "b", seq: 1 })).toMatchObject({ reason: "stale" });
    expect(registry.renewLease({ hive_id: "localhost", boot_id: "b", seq: 2 }).accepted).toBe(true);
    expect(registry.getHiveState("localhost")).toMatchObject({ status: "alive", seq: 2, received_at_ms: clock.ms });
    expect(registry.getWorkerCount("localhost")).toBe(1);
  });
});

describe("names", () => {
  test("the same worker id on two hives is two workers; the one heard last answers", () => {
    const { registry, clock } = aRegistry();
    const beat = (hive_id: string, url: string) =>
      registry.updateHiveState(hive_id, aHeartbeat({ hive_id, timestamp: clock.iso(), workers: [aWorker({ url })] }));
    beat("a", "http://a");
    beat("b", "http://b");
    expect(registry.totalWorkerCount()).toBe(2);
    expect(registry.getWorkerUrl("worker-1")).toBe("http://b");
    clock.advance(1);
    beat("a", "http://a");
    expect(registry.getWorker("worker-1")?.hive_id).toBe("a");
    registry.removeHive("a");
    expect(registry.getWorker("worker-1")?.hive_id).toBe("b");
  });

  test.each(["__proto__", "constructor", "", "x".repeat(10_000), "\u0000\u001b[31m", "💥/../"])(
    "%j is an id like any other",
    (id) => {
      const { registry } = aRegistry();
      const worker = aWorker({ worker_id: id, model_id: id, backend: id });
      registry.updateHiveState(id, aHeartbeat({ hive_id: id, workers: [worker] }));
      expect(registry.getHiveState(id)?.workers).toEqual([worker]);
      expect(registry.findBestWorkerForModel(id)).toEqual({ hive_id: id, worker });
      expect(Object.entries(registry.stats().workers.by_model)).toEqual([[id, 1]]);
      expect(registry.removeHive(id)).toBe(true);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );
});

describe("a programmer's mistake", () => {
  const wrong: [string, unknown, RegExp][] = [
    ["no payload", undefined, /payload must be an object/],
    ["workers not a list", { ...aHeartbeat(), workers: {} }, /payload\.workers must be an array/],
    ["a worker that is null", { ...aHeartbeat(), workers: [null] }, /payload\.workers\[0\] must be an object/],
    [
      "no worker id",
      { ...aHeartbeat(), workers: [{ ...aWorker(), worker_id: 7 }] },
      /workers\[0\]\.worker_id must be a string/,
    ],
    [
      "an unknown state",
      { ...aHeartbeat(), workers: [{ ...aWorker(), state: "Sleepy" }] },
      /workers\[0\]\.state must be Idle/,
    ],
    [
      "NaN",
      { ...aHeartbeat(), workers: [aWorker({ gpu_percent: Number.NaN })] },
      /workers\[0\]\.gpu_percent must be a finite/,
    ],
    [
      "the same id twice",
      { ...aHeartbeat(), workers: [aWorker(), aWorker()] },
      /workers\[1\]\.worker_id must be unique/,
    ],
    ["another hive's id", aHeartbeat({ hive_id: "other" }), /payload\.hive_id must be the hive's own id, "localhost"/],
    ["no timestamp", { ...aHeartbeat(), timestamp: 5 }, /payload\.timestamp must be a string/],
  ];
  test.each(wrong)("%s is a TypeError that names the field, and changes nothing", (_, payload, message) => {
    const { registry, events } = aRegistry();
    expect(() => registry.updateHiveState("localhost", payload as HiveHeartbeatPayload)).toThrow(message);
    expect(() => registry.updateHiveState("localhost", payload as HiveHeartbeatPayload)).toThrow(TypeError);
    expect(registry.hiveCount()).toBe(0);
    expect(events).toEqual([]);
  });
});

describe("eviction", () => {
  test("the longest silent go first, at most so many, and the fresh stay", () => {
    const { registry, clock, events } = aRegistry();
    for (const hive_id of ["a", "b", "c"]) {
      registry.updateHiveState(hive_id, aHeartbeat({ hive_id, timestamp: clock.iso() }));
      clock.advance(100);
    }
    clock.advance(299_800);
    registry.updateHiveState("d", aHeartbeat({ hive_id: "d", timestamp: clock.iso() }));
    expect(registry.evictSilent(300_000, 1)).toMatchObject([
      { type: "hive.evicted", hive_id: "a", silent_ms: 300_100 },
    ]);
    expect(registry.evictSilent(300_000).map(({ hive_id }) => hive_id)).toEqual(["b"]);
    expect(registry.listAllHives()).toEqual(["c", "d"]);
    expect(events.filter(({ type }) => type === "hive.evicted")).toHaveLength(2);
  });
});

describe("changes", () => {
  test("come in order, numbered without gaps, until the listener leaves", () => {
    const { registry, clock, events } = aRegistry();
    const seen: number[] = [];
    const leave = registry.subscribe(({ revision }) => seen.push(revision));
    registry.updateHiveState("localhost", aHeartbeat({ boot_id: "b", seq: 1 }));
    registry.renewLease({ hive_id: "localhost", boot_id: "b", seq: 2 });
    leave();
    clock.advance(40_000);
    registry.tick();
    registry.removeHive("localhost");
    expect(events.map(({ revision, type }) => [revision, type])).toEqual([
      [1, "hive.heartbeat"],
      [2, "hive.lease"],
      [3, "hive.silent"],
      [4, "hive.removed"],
    ]);
    expect(seen).toEqual([1, 2]);
  });

  test("a listener that changes the registry or throws disturbs nobody's order", () => {
    const clock = new FakeClock();
    const errors: unknown[] = [];
    const registry = new HiveRegistry({ now: clock.now, onListenerError: (error) => errors.push(error) });
    const seen: string[] = [];
    registry.subscribe((event) => {
      if (event.type === "hive.heartbeat") registry.removeHive(event.hive_id);
    });
    registry.subscribe(() => {
      throw new Error("my own fault");
    });
    registry.subscribe(({ type }) => seen.push(type));
    registry.updateHiveState("localhost", aHeartbeat());
    expect(seen).toEqual(["hive.heartbeat", "hive.removed"]);
    expect(errors).toHaveLength(2);
  });

  test("a replica refuses a change that does not follow, and starts again from a snapshot", () => {
    const { registry, events } = aRegistry();
    const replica = new HiveRegistry();
    replica.apply(registry.snapshot());
    registry.updateHiveState("a", aHeartbeat({ hive_id: "a" }));
    registry.updateHiveState("b", aHeartbeat({ hive_id: "b" }));
    expect(() => replica.apply(events[1] as RegistryEvent)).toThrow(RevisionGapError);
    expect(replica.hiveCount()).toBe(0);
    replica.apply(registry.snapshot());
    replica.apply(events[1] as RegistryEvent);
    expect(replica.listAllHives()).toEqual(["a", "b"]);
  });

  test("a replica's listeners hear what the original's heard", () => {
    const { registry, events } = aRegistry();
    const replica = new HiveRegistry();
    const heard: RegistryEvent[] = [];
    replica.apply(registry.snapshot());
    replica.subscribe((event) => heard.push(event));
    registry.updateHiveState("a", aHeartbeat({ hive_id: "a" }));
    for (const event of events) replica.apply(event);
    expect(heard).toEqual(events);
  });

  test("a replica whose original falls quiet keeps what it knows, whatever time passes", () => {
    const { registry, clock } = aRegistry();
    registry.updateHiveState("a", aHeartbeat({ hive_id: "a", workers: [aWorker({ model_id: "m" })] }));
    const replica = new HiveRegistry({ now: clock.now });
    replica.apply(registry.snapshot());
    clock.advance(3_600_000);
    expect(replica.findBestWorkerForModel("m")).toMatchObject({ hive_id: "a" });
    expect(replica.isHiveOnline("a", 30_000)).toBe(false);
  });
});
