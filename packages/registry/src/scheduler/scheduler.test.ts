import { describe, expect, test } from "vitest";
import { aFleet } from "../testing/a-fleet.ts";
import { aHeartbeat, aWorker } from "../testing/builders.ts";
import type { WorkerInfo } from "../types.ts";
import { REPORT_DELAY_MS } from "./recent-endings.ts";
import { TTL_DEFAULT_MS, TTL_MAX_MS } from "./scheduler.ts";
import { POLICIES } from "./types.ts";

describe("between two heartbeats", () => {
  test("requests spread as if each were reported at once, and nobody gets one too many", () => {
    const { report, chosen } = aFleet();
    report({ slots_total: 2 }, { slots_total: 2 }, {});
    const places = [chosen(), chosen(), chosen(), chosen(), chosen()];
    expect(places.toSorted()).toEqual(["w0", "w0", "w1", "w1", "w2"]);
    expect(new Set(places.slice(0, 3)).size).toBe(3);
    expect(chosen()).toBeUndefined();
  });

  test("a place that is given back is free at once, and giving it back twice is harmless", () => {
    const { registry, report, reserve } = aFleet();
    report({});
    const first = reserve();
    expect(reserve()).toBeUndefined();
    expect(first?.release()).toBe(true);
    expect(first?.release()).toBe(false);
    expect(registry.release(first?.reservation_id ?? "")).toBe(false);
    expect(reserve()).toBeDefined();
    expect(registry.reservationCount()).toBe(1);
  });

  test("a heartbeat does not erase a reservation that it cannot contain yet, and does not count one twice that it does", () => {
    const { clock, registry, report, chosen } = aFleet();
    report({ slots_total: 2, slots_busy: 0 });
    const sentBefore = aHeartbeat({
      boot_id: "b",
      seq: 100,
      workers: [aWorker({ worker_id: "w0", model_id: "m", slots_total: 2, slots_busy: 0 })],
    });
    expect(chosen()).toBe("w0");
    registry.updateHiveState("localhost", sentBefore, { receivedAtMs: clock.ms });
    expect(chosen()).toBe("w0");
    expect(chosen()).toBeUndefined();
    clock.advance(10);
    const sentAfter = {
      ...sentBefore,
      seq: 101,
      workers: [aWorker({ worker_id: "w0", model_id: "m", slots_total: 3, slots_busy: 2 })],
    };
    registry.updateHiveState("localhost", sentAfter, { receivedAtMs: clock.ms });
    expect(chosen()).toBe("w0");
    expect(chosen()).toBeUndefined();
  });

  test("a place whose request nobody follows is held until the worker's report has it, then the report alone counts", () => {
    const { clock, registry, report, reserve } = aFleet();
    report({ slots_total: 2, slots_busy: 0 });
    reserve({ handed_over: true });
    const followed = reserve();
    expect(reserve()).toBeUndefined();
    expect(registry.reservationCount()).toBe(2);
    clock.advance(10);
    report({ slots_total: 2, slots_busy: 2 });
    expect(registry.reservationCount()).toBe(1);
    expect(reserve()).toBeUndefined();
    report({ slots_total: 2, slots_busy: 1 });
    expect(reserve()?.release()).toBe(true);
    followed?.release();
    report({ slots_total: 2, slots_busy: 0 });
    expect([reserve(), reserve()].every(Boolean)).toBe(true);
    expect(reserve()).toBeUndefined();
  });

  test("a worker that names whom it was sent last ends what was reserved for them up to there, and no more", () => {
    const { clock, registry, report, reserve } = aFleet();
    report({ slots_total: 3, slots_busy: 0 });
    const [, second] = [1, 2, 3].map(() => reserve({ handed_over: true }));
    clock.advance(10);
    report({ slots_total: 3, slots_busy: 2, last_handover: second?.reservation_id ?? "" });
    expect(registry.reservationCount()).toBe(1);
    expect(reserve()).toBeUndefined();
    report({ slots_total: 3, slots_busy: 0, last_handover: second?.reservation_id ?? "" });
    expect(registry.reservationCount()).toBe(0);
  });

  test("a report that was on its way while a request ended does not make that request somebody else's", () => {
    const { clock, report, chosen, reserve } = aFleet();
    report({ slots_total: 2, slots_busy: 0 });
    const places = [reserve(), reserve()];
    clock.advance(1_000);
    for (const place of places) place?.release();
    report({ slots_total: 2, slots_busy: 2 });
    expect([chosen(), chosen()]).toEqual(["w0", "w0"]);
  });

  test("a worker that counts no slots and still says busy after our request ended has room again", () => {
    const { clock, report, chosen, reserve } = aFleet();
    report({ state: "Idle" });
    const place = reserve();
    clock.advance(1_000);
    place?.release();
    report({ state: "Busy" });
    expect(chosen()).toBe("w0");
    clock.advance(REPORT_DELAY_MS);
    report({ state: "Busy" }, {});
    expect(chosen()).toBe("w1");
  });

  test("what others asked of a worker is counted beside what we did", () => {
    const { report, chosen } = aFleet();
    report({ slots_total: 4, slots_busy: 3 }, { slots_total: 4, slots_busy: 1 });
    expect([chosen(), chosen(), chosen()]).toEqual(["w1", "w1", expect.any(String)]);
    report({ slots_total: 2, slots_busy: 2 }, { slots_total: 2, slots_busy: 2, queue_depth: 3 });
    expect(chosen()).toBeUndefined();
  });

  test("a worker's echo of the last reservation it admitted says what its report contains", () => {
    const { clock, registry, report, reserve, chosen } = aFleet();
    report({ slots_total: 3 });
    const [first, second] = [reserve(), reserve()];
    clock.advance(50);
    const echoing = aWorker({
      worker_id: "w0",
      model_id: "m",
      slots_total: 3,
      slots_busy: 1,
      last_reservation: first?.reservation_id ?? "",
    });
    registry.updateHiveState("localhost", aHeartbeat({ boot_id: "b", seq: 50, workers: [echoing] }), {
      receivedAtMs: clock.ms,
    });
    expect(chosen()).toBe("w0");
    expect(chosen()).toBeUndefined();
    second?.release();
    expect(chosen()).toBe("w0");
  });

  test("a worker without slots that is busy with our own request is free again when that ends", () => {
    const { report, reserve } = aFleet();
    report({});
    const ours = reserve();
    report({ state: "Busy" });
    expect(reserve()).toBeUndefined();
    ours?.release();
    expect(reserve()).toBeDefined();
    const { report: tell, chosen } = aFleet();
    tell({ state: "Busy" });
    expect(chosen()).toBeUndefined();
  });
});

describe("a reservation ends", () => {
  test("when its time is over", () => {
    const { clock, registry, report, reserve, chosen } = aFleet();
    report({});
    expect(reserve({ ttl_ms: 1_000 })).toMatchObject({ created_at_ms: clock.ms, expires_at_ms: clock.ms + 1_000 });
    clock.advance(999);
    expect(chosen()).toBeUndefined();
    clock.advance(1);
    expect(registry.reservationCount()).toBe(0);
    expect(chosen({ ttl_ms: Number.MAX_SAFE_INTEGER })).toBe("w0");
    expect(TTL_DEFAULT_MS).toBeLessThan(TTL_MAX_MS);
  });

  test("with its worker, and with its hive", () => {
    const { registry, report, reserve } = aFleet();
    report({}, {});
    reserve();
    reserve();
    report({});
    expect(registry.reservationCount()).toBe(1);
    registry.removeHive("localhost");
    expect(registry.reservationCount()).toBe(0);
  });
});

test("the places that are held at a worker can be listed, oldest first, and end like any others", () => {
  const { clock, registry, report, reportFrom, reserve } = aFleet();
  report({ slots_total: 4 });
  reportFrom({ hive_id: "attic" }, { worker_id: "w0", model_id: "other" });
  const first = reserve({ ttl_ms: 5_000 });
  clock.advance(10);
  const second = reserve({ handed_over: true });
  expect(registry.heldPlaces("localhost", "w0")).toEqual({
    left_out: 0,
    held: [
      {
        ...{ reservation_id: first?.reservation_id, handed_over: false },
        ...{ created_at_ms: clock.ms - 10, expires_at_ms: clock.ms + 4_990 },
      },
      {
        ...{ reservation_id: second?.reservation_id, handed_over: true },
        ...{ created_at_ms: clock.ms, expires_at_ms: clock.ms + TTL_DEFAULT_MS },
      },
    ],
  });
  expect(registry.heldPlaces("localhost", "w0", 1)).toMatchObject({ held: [{ handed_over: false }], left_out: 1 });
  second?.release();
  clock.advance(5_000);
  for (const [hive, worker] of [
    ["localhost", "w0"],
    ["attic", "w0"],
    ["localhost", "nobody"],
    ["nobody", "w0"],
  ] as const)
    expect(registry.heldPlaces(hive, worker)).toEqual({ held: [], left_out: 0 });
});

describe("nobody is sent", () => {
  test.each<[string, Partial<WorkerInfo>]>([
    ["to a loading worker", { state: "Loading" }],
    ["to a draining worker", { draining: true }],
    ["to a worker without slots", { slots_total: 0 }],
    ["to a worker of another model", { model_id: "other" }],
  ])("%s, by no policy", (_, fields) => {
    const { report, chosen } = aFleet();
    report(fields);
    for (const policy of POLICIES) expect(chosen({ policy, session: "s", prefix_key: "p" })).toBeUndefined();
  });

  test("to a hive that fell silent, by no policy", () => {
    const { clock, report, chosen } = aFleet();
    report({});
    expect(chosen()).toBe("w0");
    clock.advance(12_500);
    for (const policy of POLICIES) expect(chosen({ policy, session: "s", prefix_key: "p" })).toBeUndefined();
  });

  test("where it was tried already, to another backend or another hive", () => {
    const { report, chosen } = aFleet();
    report({ backend: "cuda", slots_total: 9 }, { backend: "cpu", slots_total: 9 });
    for (const policy of POLICIES) {
      const request = { policy, session: "s", prefix_key: "p" };
      expect(chosen({ ...request, exclude: ["w0"] })).toBe("w1");
      expect(chosen({ ...request, backend: "cuda" })).toBe("w0");
      expect(chosen({ ...request, hive_id: "elsewhere" })).toBeUndefined();
      expect(chosen({ ...request, exclude: ["w0", "w1"] })).toBeUndefined();
    }
  });
});

test("a backend that no worker has takes no place and makes no pool, a later worker's is found", () => {
  const { report, chosen } = aFleet();
  report({ backend: "cpu" });
  for (const policy of POLICIES) expect(chosen({ policy, backend: "cuda", session: "s" })).toBeUndefined();
  report({ backend: "cpu" }, { backend: "cuda" });
  expect(chosen({ backend: "cuda" })).toBe("w1");
});

describe("best", () => {
  test("prefers who is used least, whether by requests or by others' work on the GPU", () => {
    const { report, chosen } = aFleet();
    report(
      { slots_total: 4, gpu_percent: 95 },
      { slots_total: 4, slots_busy: 1, gpu_percent: 99 },
      { slots_total: 4, slots_busy: 2 },
    );
    expect([chosen(), chosen(), chosen(), chosen()]).toEqual([
      "w1",
      expect.stringMatching(/w1|w2/),
      expect.any(String),
      expect.any(String),
    ]);
  });

  test("prefers the lower GPU usage among idle ones, and degraded ones only when nobody else has room", () => {
    const { report, chosen } = aFleet();
    report({ gpu_percent: 40 }, { gpu_percent: 10 }, { gpu_percent: 0, health_status: "degraded" });
    expect([chosen(), chosen(), chosen(), chosen()]).toEqual(["w1", "w0", "w2", undefined]);
  });
});

test("findBestWorkerForModel prefers, among equals, the one with fewer reservations", () => {
  const { registry, report, chosen } = aFleet();
  report({ slots_total: 4 }, { slots_total: 4 });
  const reserved = chosen();
  const other = reserved === "w0" ? "w1" : "w0";
  const best = () => registry.findBestWorkerForModel("m")?.worker.worker_id;
  expect([best(), best(), best()]).toEqual([other, other, other]);
});

test("findBestWorkerForModel takes a worker into turn again when its reservations and its failures are over", () => {
  const { clock, registry, report, reserve } = aFleet();
  report({ slots_total: 4 }, { slots_total: 4 });
  const best = (count: number) =>
    Array.from({ length: count }, () => registry.findBestWorkerForModel("m")?.worker.worker_id);
  const [first, second] = [reserve(), reserve(), reserve()];
  const [busier, other] = [first?.worker.worker_id, second?.worker.worker_id];
  expect(best(3)).toEqual([other, other, other]);
  first?.release();
  expect(new Set(best(2))).toEqual(new Set([busier, other]));
  second?.release("error");
  expect(best(3)).toEqual([busier, busier, busier]);
  clock.advance(1_000);
  expect(best(4)).toContain(other);
  expect(registry.findBestWorkerForModel("nothing")).toBeDefined();
});

test("round-robin gives everybody a turn, in turn", () => {
  const { report, chosen } = aFleet({ policy: "round-robin" });
  report({ slots_total: 4, gpu_percent: 90 }, { slots_total: 4 }, { slots_total: 4 });
  const first = [chosen(), chosen(), chosen()];
  expect(new Set(first).size).toBe(3);
  expect([chosen(), chosen(), chosen()]).toEqual(first);
});

test("least-load looks at slots only, in shares", () => {
  const { report, chosen } = aFleet({ policy: "least-load" });
  report({ slots_total: 8, slots_busy: 2, gpu_percent: 100 }, { slots_total: 2, slots_busy: 1, gpu_percent: 0 });
  expect([chosen(), chosen()]).toEqual(["w0", "w0"]);
});

test("power-of-two takes the less loaded of the two that chance names", () => {
  const chance = [0, 0.6];
  let at = 0;
  const { report, chosen } = aFleet({ policy: "power-of-two", random: () => chance[at++ % 2] as number });
  report({ slots_total: 4, slots_busy: 3 }, { slots_total: 4, slots_busy: 1 });
  at = 0;
  expect(chosen()).toBe("w1");
});

describe("session", () => {
  test("stays with its worker while that has room, and comes back to it", () => {
    const { report, reserve, chosen } = aFleet({ policy: "session" });
    report(...Array.from({ length: 8 }, () => ({})));
    const first = reserve({ session: "alice" });
    const home = first?.worker.worker_id;
    const away = chosen({ session: "alice" });
    expect(away).not.toBe(home);
    first?.release();
    expect(chosen({ session: "alice" })).toBe(home);
  });

  test("moves few sessions when a worker goes", () => {
    const { report, reserve } = aFleet({ policy: "session" });
    const eight = Array.from({ length: 8 }, () => ({ slots_total: 1_000 }));
    const homes = () => Array.from({ length: 400 }, (_, at) => reserve({ session: `session-${at}` })?.worker.worker_id);
    report(...eight);
    const before = homes();
    report(...eight.slice(0, 7));
    const after = homes();
    const moved = before.filter((home, at) => home !== after[at]);
    expect(new Set(before).size).toBe(8);
    expect(new Set(moved)).toEqual(new Set(["w7"]));
  });
});

describe("prefix", () => {
  const prompt = (tail: string) => `${"You are a helpful assistant that answers in rhymes only. ".repeat(4)}${tail}`;

  test("goes where the longest part of the prompt was seen", () => {
    const { report, reserve } = aFleet({ policy: "prefix" });
    report(...Array.from({ length: 8 }, () => ({ slots_total: 4 })));
    const ask = (prefix_key: string) => {
      const reservation = reserve({ prefix_key });
      reservation?.release();
      return reservation?.worker.worker_id;
    };
    const home = ask(prompt("What is a bee?"));
    for (let at = 0; at < 5; at++) ask(`Something else entirely, number ${at}. `.repeat(10));
    expect(ask(prompt("And what is honey?"))).toBe(home);
  });

  test("goes elsewhere when that worker is much more loaded than others", () => {
    const { report, chosen } = aFleet({ policy: "prefix" });
    report({ slots_total: 4 }, { slots_total: 4 });
    const places = Array.from({ length: 8 }, () => chosen({ prefix_key: prompt("?") }));
    expect(new Set(places.slice(0, 3)).size).toBe(1);
    expect(new Set(places).size).toBe(2);
  });
});
