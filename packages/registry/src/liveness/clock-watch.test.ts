import { expect, test } from "vitest";
import { BeatingFleet } from "../testing/a-beating-fleet.ts";

const DAY_MS = 86_400_000;

const clocksOf = (fleet: BeatingFleet) => fleet.happened("hive.clock");

test.each([DAY_MS, -DAY_MS])(
  "a machine whose clock is %i ms off behaves like any other, and its skew is shown",
  (offMs) => {
    const fleet = new BeatingFleet(0);
    for (let beat = 0; beat < 12; beat++) {
      fleet.beat("odd", { timestamp: fleet.clock.iso(offMs) });
      fleet.silence(0, 0);
      expect(fleet.registry.getHiveState("odd")).toMatchObject({ status: "alive", clock_skew_ms: offMs });
      expect(fleet.registry.findBestWorkerForModel("m")?.hive_id).toBe("odd");
      fleet.clock.advance(1_000);
    }
    expect(fleet.events).toEqual([]);
  },
);

test("a clock that is set while its machine runs is told: forward at once, back when a second heartbeat says the same", () => {
  const fleet = new BeatingFleet(0);
  const beat = (offMs: number) => {
    fleet.clock.advance(1_100);
    fleet.beat("odd", { timestamp: fleet.clock.iso(offMs) });
    expect(fleet.registry.getHiveState("odd")?.status).toBe("alive");
  };
  beat(0);
  beat(DAY_MS);
  expect(clocksOf(fleet)).toMatchObject([{ hive_id: "odd", from_ms: 0, to_ms: DAY_MS }]);
  beat(-DAY_MS);
  expect(clocksOf(fleet)).toHaveLength(1);
  beat(-DAY_MS);
  expect(clocksOf(fleet)[1]).toMatchObject({ from_ms: DAY_MS, to_ms: -DAY_MS });
});

test("heartbeats that were held up on the way and come all at once are no clock that was set", () => {
  const fleet = new BeatingFleet(0);
  fleet.beat("slow");
  fleet.clock.advance(1_100);
  for (const lateMs of [900, 850, 800, 750]) fleet.beat("slow", { timestamp: fleet.clock.iso(-10 * lateMs) });
  for (const lateMs of [30, 20, 10]) fleet.beat("slow", { timestamp: fleet.clock.iso(-5_000 - lateMs) });
  fleet.clock.advance(1_100);
  fleet.beat("slow");
  expect(clocksOf(fleet)).toEqual([]);
});

test("without boot_id and seq a clock that is set back by a day does no harm either", () => {
  const fleet = new BeatingFleet(0);
  const plain = { boot_id: undefined, seq: undefined } as unknown as object;
  for (const offMs of [0, 0, -DAY_MS, -DAY_MS, DAY_MS, 0, 0]) {
    fleet.clock.advance(1_100);
    fleet.beat("odd", { ...plain, timestamp: fleet.clock.iso(offMs) });
    expect(fleet.registry.getHiveState("odd")).toMatchObject({ status: "alive", clock_skew_ms: offMs });
  }
});
