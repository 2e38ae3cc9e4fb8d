import { describe, expect, test } from "vitest";
import { aFleet, type Fleet } from "../testing/a-fleet.ts";
import { DEFAULT_BREAKER_LIMITS } from "./breaker.ts";
import { POLICIES } from "./types.ts";

const { firstPauseMs, maxPauseMs } = DEFAULT_BREAKER_LIMITS;

/** Two workers, of which the first fails at once whenever it is asked. */
function aFailing(): Fleet & { fail: () => void } {
  const fleet = aFleet();
  fleet.report({ slots_total: 8 }, { slots_total: 8, slots_busy: 7 });
  const fail = () => {
    const first = fleet.reserve();
    expect(first?.worker.worker_id).toBe("w0");
    first?.release("error");
  };
  return { ...fleet, fail };
}

describe("a worker that failed", () => {
  test("gets no request for a second, however idle it looks, by any policy", () => {
    const { clock, fail, chosen, registry } = aFailing();
    fail();
    clock.advance(firstPauseMs - 1);
    for (const policy of POLICIES) {
      const reservation = registry.reserve({ model: "m", policy, session: "s", prefix_key: "p" });
      expect(reservation?.worker.worker_id).toBe("w1");
      reservation?.release();
    }
    clock.advance(1);
    expect(chosen()).toBe("w0");
  });

  test("is then tried by exactly one request, whose success makes it as good as any", () => {
    const { clock, fail, reserve, chosen, registry } = aFailing();
    fail();
    clock.advance(firstPauseMs);
    const probe = reserve();
    expect([probe?.worker.worker_id, chosen(), chosen()]).toEqual(["w0", "w1", undefined]);
    expect(registry.stats().workers.set_aside).toBe(1);
    probe?.release("ok");
    expect(registry.stats().workers.set_aside).toBe(0);
    expect([chosen(), chosen()]).toEqual(["w0", "w0"]);
  });

  test("waits twice as long after each try that fails, and never longer than a minute", () => {
    const { clock, fail, report, reserve, chosen } = aFailing();
    fail();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      const failedAtMs = clock.ms;
      clock.advance(pauseMs - 3);
      report({ slots_total: 8 }, { slots_total: 8, slots_busy: 7 });
      expect(clock.ms).toBe(failedAtMs + pauseMs - 1);
      const other = reserve();
      expect(other?.worker.worker_id).toBe("w1");
      other?.release();
      clock.advance(1);
      fail();
    }
    expect(maxPauseMs).toBe(60_000);
    expect(chosen()).toBe("w1");
  });

  test("is free for another try when the one who tried it left, or was lost", () => {
    const { clock, fail, reserve, chosen } = aFailing();
    fail();
    clock.advance(firstPauseMs);
    reserve()?.release("cancelled");
    expect(chosen({ ttl_ms: 500 })).toBe("w0");
    expect(chosen()).toBe("w1");
    clock.advance(500);
    expect(chosen()).toBe("w0");
  });

  test("fails once, however many requests it had", () => {
    const { clock, report, reserve, chosen } = aFleet();
    report({ slots_total: 4 }, { slots_total: 1, slots_busy: 1 });
    const four = [reserve(), reserve(), reserve(), reserve()];
    for (const one of four) one?.release("error");
    clock.advance(firstPauseMs);
    expect(chosen()).toBe("w0");
  });

  test("is not cleared by a request of before its failure that ends well in its pause, but by one that ends after it", () => {
    const { clock, report, reserve, registry } = aFleet();
    report({ slots_total: 4 }, { slots_total: 1, slots_busy: 1 });
    const [early, late, failing] = [reserve(), reserve(), reserve()];
    failing?.release("error");
    early?.release("ok");
    expect(reserve()).toBeUndefined();
    clock.advance(firstPauseMs);
    late?.release("ok");
    expect(registry.stats().workers.set_aside).toBe(0);
    expect([reserve()?.worker.worker_id, reserve()?.worker.worker_id]).toEqual(["w0", "w0"]);
  });

  test("starts clean when it comes back after it was gone", () => {
    const { fail, report, chosen } = aFailing();
    fail();
    report({ worker_id: "w1", slots_total: 8, slots_busy: 7 });
    report({ slots_total: 8 }, { slots_total: 8, slots_busy: 7 });
    expect(chosen()).toBe("w0");
  });

  test("starts clean when it has loaded its model anew", () => {
    const { fail, report, chosen } = aFailing();
    fail();
    report({ state: "Loading", slots_total: 8 }, { slots_total: 8, slots_busy: 7 });
    report({ slots_total: 8 }, { slots_total: 8, slots_busy: 7 });
    expect(chosen()).toBe("w0");
  });

  test("starts clean when its hive was started anew", () => {
    const { fail, reportFrom, chosen } = aFailing();
    fail();
    const slots = [
      { worker_id: "w0", slots_total: 8 },
      { worker_id: "w1", slots_total: 8, slots_busy: 7 },
    ];
    reportFrom({ hive_id: "localhost", boot_id: "next" }, ...slots);
    expect(chosen()).toBe("w0");
  });

  test("comes after all others where nothing is reserved, and is told of in listings", () => {
    const { clock, fail, registry } = aFailing();
    const failedAtMs = clock.ms;
    fail();
    const best = () => registry.findBestWorkerForModel("m")?.worker.worker_id;
    expect([best(), best()]).toEqual(["w1", "w1"]);
    const [first, second] = registry.findWorkersByModel("m");
    expect(first?.set_aside_until_ms).toBe(failedAtMs + firstPauseMs);
    expect(second).not.toHaveProperty("set_aside_until_ms");
    clock.advance(firstPauseMs);
    expect([best(), best()].toSorted()).toEqual(["w0", "w1"]);
  });
});

describe("when all workers of a model are set aside", () => {
  test("who has one worker waits a second for the next try, not the worker's whole pause", () => {
    const { clock, report, reserve } = aFleet();
    report({ slots_total: 4 });
    for (let failures = 1; failures <= 5; failures++) {
      const tried = reserve();
      expect(tried?.worker.worker_id).toBe("w0");
      tried?.release("error");
      expect(reserve()).toBeUndefined();
      clock.advance(firstPauseMs - 1);
      expect(reserve()).toBeUndefined();
      clock.advance(1);
    }
  });

  test("the one whose pause ends first is tried", () => {
    const { clock, report, reserve } = aFleet();
    report({ slots_total: 4 }, { slots_total: 4 });
    const fail = () => {
      const reservation = reserve();
      reservation?.release("error");
      return reservation?.worker.worker_id;
    };
    const first = fail();
    clock.advance(firstPauseMs);
    expect(fail()).toBe(first === "w0" ? "w1" : "w0");
    expect(fail()).toBe(first);
    clock.advance(firstPauseMs);
    expect(fail()).toBe(first === "w0" ? "w1" : "w0");
  });

  test("a second request is let through once the first has run for a second without failing", () => {
    const { clock, report, reserve, chosen } = aFleet();
    report({ slots_total: 4 });
    reserve()?.release("error");
    clock.advance(firstPauseMs);
    const [probe, tooEarly] = [reserve(), reserve()];
    expect([probe?.worker.worker_id, tooEarly]).toEqual(["w0", undefined]);
    clock.advance(firstPauseMs);
    expect(chosen()).toBe("w0");
    expect(chosen()).toBeUndefined();
    probe?.release("ok");
    expect([chosen(), chosen()]).toEqual(["w0", "w0"]);
  });

  test("nobody is tried early while another worker is only busy, or was excluded by who asks", () => {
    const { clock, report, reserve } = aFleet();
    report({ slots_total: 4 }, { slots_total: 1, slots_busy: 1 });
    reserve()?.release("error");
    clock.advance(firstPauseMs);
    reserve()?.release("error");
    clock.advance(firstPauseMs);
    expect(reserve()).toBeUndefined();
    report({ slots_total: 4 });
    expect(reserve({ exclude: ["w0"] })).toBeUndefined();
    expect(reserve({ exclude: ["w1"] })?.worker.worker_id).toBe("w0");
  });
});

test("who waits for room hears when a worker may be tried again, and knows when that will be", () => {
  const { clock, registry, report, reserve } = aFleet();
  report({});
  const room: string[] = [];
  registry.onRoom(({ worker_id }) => room.push(worker_id));
  expect(registry.nextRoomMs()).toBe(Number.POSITIVE_INFINITY);
  reserve()?.release("error");
  room.length = 0;
  expect(registry.nextRoomMs()).toBe(clock.ms + firstPauseMs);
  clock.advance(firstPauseMs - 1);
  registry.tick();
  expect(room).toEqual([]);
  clock.advance(1);
  registry.tick();
  expect(room).toEqual(["w0"]);
  expect(reserve()).toBeDefined();
});
