import { expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { POLICIES } from "../scheduler/types.ts";
import { BeatingFleet } from "../testing/a-beating-fleet.ts";

/** One of three falls silent for half a minute and comes back, so many times. */
function aFlappingFleet(times: number): BeatingFleet {
  const fleet = new BeatingFleet(3);
  fleet.pass(60_000);
  for (let time = 0; time < times; time++) {
    fleet.silence(0, 1);
    fleet.pass(40_000);
    fleet.revive(0, 1);
    fleet.pass(10_000);
  }
  return fleet;
}

test("a hive that falls silent and comes back five times in ten minutes flaps, until that is ten minutes ago", () => {
  expect(aFlappingFleet(4).registry.getHiveState("hive-0")?.flapping).toBeUndefined();
  const fleet = aFlappingFleet(5);
  expect(fleet.registry.getHiveState("hive-0")?.flapping).toBe(true);
  expect(fleet.happened("hive.flapping")).toMatchObject([{ hive_id: "hive-0", flapping: true }]);
  fleet.pass(600_000);
  expect(fleet.registry.getHiveState("hive-0")?.flapping).toBeUndefined();
  expect(fleet.happened("hive.flapping")).toMatchObject([{ flapping: true }, { hive_id: "hive-0", flapping: false }]);
});

test("a hive that was away for longer than a minute, or that said goodbye, does not flap", () => {
  const fleet = new BeatingFleet(3);
  fleet.pass(60_000);
  for (let time = 0; time < 6; time++) {
    fleet.silence(0, 1);
    fleet.pass(91_000);
    fleet.revive(0, 1);
    fleet.beat("hive-1", { goodbye: true });
    fleet.pass(5_000);
  }
  expect(fleet.happened("hive.flapping")).toEqual([]);
});

test("replicas know who flaps", () => {
  const fleet = aFlappingFleet(4);
  const replica = new HiveRegistry({ now: fleet.clock.now });
  replica.apply(fleet.registry.snapshot());
  fleet.registry.subscribe((event) => replica.apply(event));
  fleet.silence(0, 1);
  fleet.pass(40_000);
  fleet.revive(0, 1);
  const late = new HiveRegistry({ now: fleet.clock.now });
  late.apply(fleet.registry.snapshot());
  expect([replica, late].map((each) => each.getHiveState("hive-0")?.flapping)).toEqual([true, true]);
});

test.each([...POLICIES])("with policy %s a worker on a hive that flaps is chosen after all others", (policy) => {
  const { registry } = aFlappingFleet(5);
  const request = { model: "m", policy, session: "s", prefix_key: "p" };
  const chosen = [1, 2, 3, 4].map(() => registry.reserve(request)?.hive_id);
  expect(chosen.slice(0, 2).sort()).toEqual(["hive-1", "hive-2"]);
  expect(chosen.slice(2)).toEqual(["hive-0", undefined]);
});

test("without reservations, too, and behind degraded ones", () => {
  const fleet = aFlappingFleet(5);
  fleet.beat("hive-1", { goodbye: true });
  fleet.beat("hive-2", {
    workers: [
      {
        worker_id: "sick",
        state: "Idle",
        health_status: "degraded",
        url: "http://x",
        model_id: "m",
        last_heartbeat: "",
      },
    ],
  });
  expect([1, 2, 3].map(() => fleet.registry.findBestWorkerForModel("m")?.hive_id)).toEqual([
    "hive-2",
    "hive-2",
    "hive-2",
  ]);
  expect(fleet.registry.reserve({ model: "m" })?.hive_id).toBe("hive-2");
  expect(fleet.registry.reserve({ model: "m" })?.hive_id).toBe("hive-0");
});
