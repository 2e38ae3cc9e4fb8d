import { CHOICE_CANDIDATES_MAX, CHOICES_KEPT_MAX } from "@hive-registry/contract";
import { HiveRegistry, type ReserveRequest, type WorkerInfo } from "hive-registry";
import { describe, expect, test } from "vitest";
import { aHeartbeat, aWorker } from "../testing/a-queen.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { WaitingLine } from "./waiting-line.ts";

/** A line before a hive `desk` that reports these workers, of model `m` unless they say otherwise. */
function aStory(...workers: Partial<WorkerInfo>[]) {
  const clock = new FakeClock();
  const registry = new HiveRegistry({ now: clock.nowMs, random: () => 0.5 });
  const line = new WaitingLine({ registry, clock });
  let seq = 0;
  const report = (...now: Partial<WorkerInfo>[]) => {
    const list = now.map((fields, at) => aWorker({ worker_id: `w${at}`, model_id: "m", slots_total: 2, ...fields }));
    registry.updateHiveState("desk", aHeartbeat({ boot_id: "b", seq: ++seq, workers: list }), {
      receivedAtMs: clock.nowMs(),
    });
    clock.advance(1);
  };
  report(...workers);
  /** A choice, and the time until the next one may be looked at. */
  const choose = (request: Partial<ReserveRequest> = {}) => {
    const reservation = line.reserveNow({ model: "m", ...request });
    clock.advance(1_000);
    return reservation;
  };
  const of = (worker_id: string) => line.choices.list({ hive_id: "desk", worker_id }).choices;
  return { clock, registry, line, report, choose, choices: line.choices, of };
}

describe("a choice", () => {
  test("is remembered with who was chosen and why not the others, the newest first", () => {
    const { choose, choices, clock } = aStory({ gpu_percent: 10 }, { gpu_percent: 60 }, { state: "Loading" });
    const firstAtMs = clock.nowMs();
    choose();
    choose();
    const { choices: list, choices_total } = choices.list({});
    expect(choices_total).toBe(2);
    expect(list.map(({ at_ms }) => at_ms - firstAtMs)).toEqual([1_000, 0]);
    expect(list[1]).toMatchObject({
      model: "m",
      policy: "best",
      chosen: { hive_id: "desk", worker_id: "w0" },
      left_out: 0,
    });
    expect(list[1]?.candidates.map(({ worker_id, reason }) => [worker_id, reason])).toEqual([
      ["w0", undefined],
      ["w1", "outscored"],
      ["w2", "loading"],
    ]);
  });

  test("that found nobody is remembered, too", () => {
    const { choose, of } = aStory({ slots_busy: 2 });
    expect(choose()).toBeUndefined();
    expect(of("w0")).toMatchObject([{ candidates: [{ worker_id: "w0", reason: "no_room" }] }]);
    expect(of("w0")[0]).not.toHaveProperty("chosen");
  });

  test("of a waiting request is remembered when its turn comes", () => {
    const { clock, line, registry, report, of } = aStory({ slots_busy: 2 });
    const served: string[] = [];
    line.wait(
      { model: "m" },
      { waitMs: 60_000, served: ({ worker }) => served.push(worker.worker_id), refused: () => served.push("nobody") },
    );
    clock.advance(5_000);
    report({ slots_busy: 0 });
    expect(served).toEqual(["w0"]);
    expect(registry.reservationCount()).toBe(1);
    expect(of("w0")).toMatchObject([{ chosen: { worker_id: "w0" } }]);
  });

  test("by chance is told as it went, not as was most likely", () => {
    const { choose, of } = aStory({ slots_busy: 0 }, { slots_busy: 1 });
    for (let asked = 0; asked < 3; asked++) {
      const chosen = choose({ policy: "power-of-two" })?.worker.worker_id as string;
      expect(of(chosen)[0]).toMatchObject({ chosen: { worker_id: chosen } });
      expect(of(chosen)[0]?.candidates[0]).not.toHaveProperty("reason");
      const other = chosen === "w0" ? "w1" : "w0";
      expect(of(other)[0]?.candidates[0]?.reason).toMatch(/outscored|no_room/);
    }
  });
});

describe("what is remembered", () => {
  test("is one choice of a model a second, and five of all models together", () => {
    const { clock, line, choices } = aStory({ slots_total: 1_000 }, { slots_total: 1_000, model_id: "n" });
    for (let asked = 0; asked < 500; asked++) {
      line.reserveNow({ model: asked % 2 === 0 ? "m" : "n" });
      clock.advance(10);
    }
    const { choices: list, choices_total } = choices.list({ limit: 256 });
    expect(choices_total).toBe(500);
    expect(list.filter(({ model }) => model === "m")).toHaveLength(5);
    expect(list.filter(({ model }) => model === "n")).toHaveLength(5);
    for (const [at, { at_ms }] of list.entries())
      expect((list[at - 1]?.at_ms ?? Number.POSITIVE_INFINITY) - at_ms).toBeGreaterThanOrEqual(200);
  });

  test("is no name that nobody has: it would take the others' turn", () => {
    const { line, choices, choose } = aStory({});
    line.reserveNow({ model: "made-up" });
    expect(choices.list({}).choices).toHaveLength(0);
    choose();
    expect(choices.list({}).choices).toHaveLength(1);
  });

  test("is bounded, and the oldest goes first", () => {
    const { choose, choices } = aStory({ slots_total: 1_000 });
    for (let asked = 0; asked < CHOICES_KEPT_MAX + 10; asked++) choose();
    const { choices: list } = choices.list({ limit: CHOICES_KEPT_MAX });
    expect(list).toHaveLength(CHOICES_KEPT_MAX);
    expect((list[0]?.at_ms ?? 0) - (list.at(-1)?.at_ms ?? 0)).toBe((CHOICES_KEPT_MAX - 1) * 1_000);
    expect(choices.list({}).choices).toHaveLength(50);
  });

  test("of a large model are a few workers of each choice, and in time all of them", () => {
    const workers = Array.from({ length: 150 }, () => ({ slots_total: 100 }));
    const { choose, choices, of } = aStory(...workers);
    for (let asked = 0; asked < 12; asked++) choose();
    for (const { candidates, left_out } of choices.list({}).choices) {
      expect(candidates.length).toBe(CHOICE_CANDIDATES_MAX);
      expect(candidates.length + left_out).toBe(150);
    }
    expect(of("w140").length).toBeGreaterThan(0);
  });
});

test("questions: by model, by worker, and at most so many", () => {
  const { choose, choices } = aStory({}, { model_id: "n" });
  choose();
  choose({ model: "n" });
  expect(choices.list({ model: "n" }).choices).toHaveLength(1);
  expect(choices.list({ hive_id: "desk", worker_id: "w1" }).choices.map(({ model }) => model)).toEqual(["n"]);
  expect(choices.list({ hive_id: "attic", worker_id: "w1" }).choices).toEqual([]);
  expect(choices.list({ limit: 1 }).choices.map(({ model }) => model)).toEqual(["n"]);
});
