import { describe, expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { BeatingFleet } from "../testing/a-beating-fleet.ts";
import { aHeartbeat, FakeClock } from "../testing/builders.ts";

const MINUTE_MS = 60_000;

describe("evictions", () => {
  test("go on at fifteen percent of the known hives a window, longest silent first", () => {
    const fleet = new BeatingFleet(100, { brakes: { freezeMaxMs: 0 } });
    fleet.pass(MINUTE_MS);
    fleet.silence(0, 40);
    fleet.pass(5 * MINUTE_MS + 5_000);
    expect(fleet.registry.hiveCount()).toBe(85);
    expect(fleet.registry.stats().liveness).toEqual({ held_back: 25 });
    fleet.pass(30_000);
    expect(fleet.registry.hiveCount()).toBe(85 - 12);
    fleet.pass(2 * MINUTE_MS);
    expect(fleet.registry.hiveCount()).toBe(60);
  });

  test("of a fleet of two take one at a time", () => {
    const fleet = new BeatingFleet(2);
    fleet.pass(MINUTE_MS);
    fleet.silence(0, 2);
    fleet.pass(5 * MINUTE_MS + 5_000);
    expect(fleet.registry.hiveCount()).toBe(1);
    fleet.pass(30_000);
    expect(fleet.registry.hiveCount()).toBe(0);
  });

  test("never happen with a time of 0, and a hive that said goodbye is evicted as all others are", () => {
    const [keeping, evicting] = [new BeatingFleet(3, { brakes: { evictAfterMs: 0 } }), new BeatingFleet(3)];
    for (const fleet of [keeping, evicting]) {
      fleet.pass(MINUTE_MS);
      fleet.silence(0, 1);
      fleet.beat("hive-0", { goodbye: true });
      fleet.silence(0, 1);
      fleet.pass(6 * MINUTE_MS);
    }
    expect(keeping.registry.hiveCount()).toBe(3);
    expect(evicting.registry.listAllHives()).toEqual(["hive-1", "hive-2"]);
  });

  test("without brakes are the operator's: all that are silent, and nobody else", () => {
    const fleet = new BeatingFleet(10);
    fleet.pass(MINUTE_MS);
    fleet.silence(0, 8);
    fleet.pass(40_000);
    expect(fleet.registry.evictAllSilent()).toHaveLength(8);
    expect(fleet.registry.listAllHives()).toEqual(["hive-8", "hive-9"]);
  });
});

describe("a freeze", () => {
  const aFrozenFleet = (silent = 60) => {
    const fleet = new BeatingFleet(100);
    fleet.pass(MINUTE_MS);
    fleet.silence(0, silent);
    fleet.pass(40_000);
    return fleet;
  };

  test("begins when more than half fall silent together, and nobody is evicted while it lasts", () => {
    const fleet = aFrozenFleet();
    expect(fleet.happened("fleet.frozen")).toMatchObject([{ total: 100 }]);
    fleet.pass(9 * MINUTE_MS);
    expect(fleet.registry.hiveCount()).toBe(100);
    expect(fleet.registry.stats()).toMatchObject({ hives: { silent: 60 }, liveness: { held_back: 60 } });
    for (let times = 0; times < 100; times++) {
      expect(Number(fleet.registry.findBestWorkerForModel("m")?.hive_id.slice(5))).toBeGreaterThanOrEqual(60);
    }
  });

  test("does not begin when half of them do, nor when they say goodbye, nor with two hives", () => {
    expect(aFrozenFleet(50).happened("fleet.frozen")).toEqual([]);
    const leaving = new BeatingFleet(100);
    leaving.pass(MINUTE_MS);
    for (let at = 0; at < 100; at++) leaving.beat(`hive-${at}`, { goodbye: true });
    leaving.silence(0, 100);
    leaving.pass(40_000);
    expect(leaving.happened("fleet.frozen")).toEqual([]);
    const two = new BeatingFleet(2);
    two.pass(MINUTE_MS);
    two.silence(0, 2);
    two.pass(40_000);
    expect(two.happened("fleet.frozen")).toEqual([]);
  });

  test("does not begin when most fall silent one after the other", () => {
    const fleet = new BeatingFleet(100, { brakes: { evictAfterMs: 0 } });
    fleet.pass(MINUTE_MS);
    for (let at = 0; at < 100; at++) {
      fleet.silence(at, at + 1);
      fleet.pass(10_000);
    }
    expect(fleet.happened("hive.silent").length).toBeGreaterThan(90);
    expect(fleet.happened("fleet.frozen").filter((event) => "total" in event && event.total > 10)).toEqual([]);
  });

  test("ends when enough are back", () => {
    const fleet = aFrozenFleet();
    fleet.revive(0, 34);
    fleet.pass(1_000);
    expect(fleet.happened("fleet.thawed")).toEqual([]);
    fleet.revive(34, 40);
    fleet.pass(1_000);
    expect(fleet.happened("fleet.thawed")).toMatchObject([{ reason: "recovered" }]);
    expect(fleet.registry.stats().liveness.frozen_until_ms).toBeUndefined();
  });

  test("ends after ten minutes; then the dead go at the capped rate, and freeze nothing anew", () => {
    const fleet = aFrozenFleet();
    fleet.pass(10 * MINUTE_MS);
    expect(fleet.happened("fleet.thawed")).toMatchObject([{ reason: "time" }]);
    expect(fleet.registry.hiveCount()).toBe(85);
    fleet.pass(4 * MINUTE_MS);
    expect(fleet.registry.hiveCount()).toBe(40);
    expect(fleet.happened("fleet.frozen")).toHaveLength(1);
    expect(fleet.registry.stats().liveness).toEqual({ held_back: 0 });
  });

  test("ends by an operator's word", () => {
    const fleet = aFrozenFleet();
    expect(fleet.registry.thaw()).toBe(true);
    expect(fleet.registry.thaw()).toBe(false);
    fleet.pass(MINUTE_MS);
    expect(fleet.happened("fleet.thawed")).toMatchObject([{ reason: "operator" }]);
    expect(fleet.happened("fleet.frozen")).toHaveLength(1);
  });

  test("is known to replicas, by snapshot and by change", () => {
    const fleet = aFrozenFleet(0);
    const replica = new HiveRegistry({ now: fleet.clock.now });
    replica.apply(fleet.registry.snapshot());
    fleet.registry.subscribe((event) => replica.apply(event));
    fleet.silence(0, 60);
    fleet.pass(40_000);
    const late = new HiveRegistry({ now: fleet.clock.now });
    late.apply(fleet.registry.snapshot());
    const frozen = fleet.registry.stats().liveness.frozen_until_ms;
    expect(frozen).toBeGreaterThan(0);
    expect([replica, late].map((each) => each.stats().liveness.frozen_until_ms)).toEqual([frozen, frozen]);
    fleet.registry.thaw();
    expect(replica.stats().liveness.frozen_until_ms).toBeUndefined();
    expect([replica.thaw(), replica.sweep(), replica.evictAllSilent()]).toEqual([false, [], []]);
  });
});

describe("grace", () => {
  test("a registry whose process was stopped for a minute evicts nobody on waking and marks nobody silent", () => {
    const fleet = new BeatingFleet(20, { brakes: { evictAfterMs: 40_000 } });
    fleet.pass(2 * MINUTE_MS);
    fleet.standStill(MINUTE_MS);
    expect(fleet.registry.stats()).toMatchObject({ hives: { alive: 20, suspect: 0, silent: 0 } });
    fleet.pass(5 * MINUTE_MS);
    expect(fleet.events).toMatchObject([{ type: "fleet.stalled", stall_ms: MINUTE_MS }]);
  });

  test.each<[string, (registry: HiveRegistry) => unknown]>([
    ["a tick", (registry) => registry.tick()],
    ["a query that lets no time take effect", (registry) => registry.isHiveOnline("hive-0", 1)],
    ["a heartbeat", (registry) => registry.renewLease({ hive_id: "hive-0", boot_id: "boot", seq: 1e6 })],
    ["a reservation", (registry) => registry.reserve({ model: "m" })],
    ["a sweep", (registry) => registry.sweep()],
  ])("a stall is found by %s", (_what, ask) => {
    const fleet = new BeatingFleet(5);
    fleet.pass(2 * MINUTE_MS);
    fleet.standStill(MINUTE_MS);
    ask(fleet.registry);
    fleet.registry.tick();
    expect(fleet.events).toMatchObject([{ type: "fleet.stalled", stall_ms: MINUTE_MS }]);
    expect(fleet.registry.stats().hives.silent).toBe(0);
  });

  test("lasts one window: who is not heard in it is silent when it ends", () => {
    const fleet = new BeatingFleet(20);
    fleet.pass(2 * MINUTE_MS);
    fleet.standStill(MINUTE_MS);
    fleet.registry.tick();
    fleet.silence(0, 1);
    fleet.pass(29_000);
    expect(fleet.registry.stats().hives.alive).toBe(20);
    fleet.pass(1_000);
    expect(fleet.happened("hive.silent")).toMatchObject([{ hive_id: "hive-0", reason: "quiet" }]);
  });

  test("holds neither a closed connection nor a goodbye up", () => {
    const fleet = new BeatingFleet(5);
    fleet.pass(2 * MINUTE_MS);
    fleet.standStill(MINUTE_MS);
    fleet.registry.suspectHive("hive-0");
    fleet.beat("hive-1", { goodbye: true });
    expect(fleet.registry.getHiveState("hive-0")?.status).toBe("suspect");
    expect(fleet.registry.getHiveState("hive-1")?.status).toBe("silent");
  });

  test("is given after the start, and whenever the owner was out of reach", () => {
    const fleet = new BeatingFleet(5);
    fleet.silence(0, 1);
    fleet.pass(29_000);
    expect(fleet.registry.getHiveState("hive-0")?.status).toBe("alive");
    fleet.registry.graceFrom(fleet.clock.now());
    fleet.pass(29_000);
    expect(fleet.registry.getHiveState("hive-0")?.status).toBe("alive");
    expect(fleet.registry.stats().liveness.grace_until_ms).toBe(fleet.clock.now() + 1_000);
    fleet.pass(1_000);
    expect(fleet.registry.getHiveState("hive-0")?.status).toBe("silent");
  });

  test("of a process that stalls again and again ends after the time that a freeze may last", () => {
    const fleet = new BeatingFleet(5);
    fleet.pass(2 * MINUTE_MS);
    fleet.silence(0, 1);
    for (let times = 0; times < 35; times++) {
      fleet.standStill(2_000);
      fleet.pass(20_000);
    }
    expect(fleet.happened("hive.silent")).toMatchObject([{ hive_id: "hive-0" }]);
  });

  test("is not given by a registry whose owner promised nothing: in a library time passes as it likes", () => {
    const clock = new FakeClock();
    const registry = new HiveRegistry({ now: clock.now });
    registry.updateHiveState("localhost", aHeartbeat(), { receivedAtMs: clock.now() });
    clock.advance(MINUTE_MS);
    expect(registry.getHiveState("localhost")?.status).toBe("silent");
  });
});

test.each([["evictShare"], ["freezeMaxMs"], ["tickMs"]])("a %s that is no number is refused by name", (name) => {
  expect(() => new HiveRegistry({ brakes: { [name]: Number.NaN } })).toThrow(`brakes.${name}`);
});
