import { HiveError } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { heartbeatIntervalMs } from "./heartbeat-interval.ts";
import { OPERATIONS_MAX, Operations } from "./operations.ts";
import { pageOf } from "./page.ts";
import { Rate } from "./rate.ts";

test.each([
  [0, 5_000],
  [25_000, 5_000],
  [25_001, 5_001],
  [100_000, 20_000],
])("a fleet of %i hives is asked to beat every %i ms", (hives, intervalMs) => {
  expect(heartbeatIntervalMs(hives, { intervalMs: 5_000, maxHeartbeatsPerSecond: 5_000 })).toBe(intervalMs);
});

test("a rate is the mean of the last ten full seconds, and of fewer after the start", () => {
  const rate = new Rate(1_000);
  for (let at = 0; at < 100; at++) rate.add(1_000 + at * 10);
  expect(rate.perSecond(1_999)).toBe(100);
  for (let at = 0; at < 50; at++) rate.add(2_000 + at * 10);
  expect(rate.perSecond(3_000)).toBe(75);
  expect(rate.perSecond(11_999)).toBe(15);
  expect(rate.perSecond(12_000)).toBe(5);
  expect(rate.perSecond(13_000)).toBe(0);
  expect(rate.perSecond(1e12)).toBe(0);
});

test("a page ends where the next one begins, also when nothing more follows", () => {
  const numbers = [1, 2, 3, 4, 5, 6];
  const even = (n: number) => n % 2 === 0;
  expect(pageOf(numbers, even, { limit: 2 })).toEqual({ items: [2, 4], next_cursor: "5" });
  expect(pageOf(numbers, even, { limit: 2, cursor: "5" })).toEqual({ items: [6] });
  expect(pageOf(numbers, even, { limit: 3 })).toEqual({ items: [2, 4, 6] });
  expect(pageOf(numbers, even, { cursor: "999" })).toEqual({ items: [] });
});

describe("operations", () => {
  const quick = [{ name: "step", run: async () => "done" }];
  const endless = [{ name: "step", run: () => new Promise<string>(() => {}) }];
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  test("end with the first step that fails", async () => {
    const operations = new Operations({ clock: new FakeClock(), log: { error: () => {} } });
    const works = [
      ...quick,
      { name: "breaks", run: () => Promise.reject(new HiveError("TIMEOUT", "no luck")) },
      ...quick,
    ];
    const { operation_id } = operations.begin("start", "desk", works);
    await settled();
    expect(operations.find(operation_id)).toMatchObject({
      state: "failed",
      steps: [{ state: "succeeded", output_tail: "done" }, { state: "failed" }],
      error: { code: "TIMEOUT", message: "no luck" },
    });
  });

  test("keep to themselves what is nobody else's business", async () => {
    const logged: object[] = [];
    const operations = new Operations({ clock: new FakeClock(), log: { error: (fields) => logged.push(fields) } });
    const works = [{ name: "breaks", run: () => Promise.reject(new Error("cannot open /home/me/secret")) }];
    const { operation_id } = operations.begin("start", "desk", works);
    await settled();
    const { error } = operations.find(operation_id);
    expect(error?.code).toBe("INTERNAL");
    expect(error?.message).toContain(operation_id);
    expect(error?.message).not.toContain("secret");
    expect(logged).toMatchObject([{ err: { message: "cannot open /home/me/secret" } }]);
  });

  test("are forgotten when there are too many, those that run never", async () => {
    const operations = new Operations({ clock: new FakeClock(), log: { error: () => {} } });
    const running = operations.begin("start", "endless", endless);
    const ended = operations.begin("start", "first", quick);
    await settled();
    for (let at = 2; at < OPERATIONS_MAX; at++) operations.begin("start", `hive-${at}`, endless);
    operations.begin("start", "one more", endless);
    expect(() => operations.find(ended.operation_id)).toThrow(/No operation/);
    expect(operations.find(running.operation_id)).toMatchObject({ state: "running" });
    expect(() => operations.begin("start", "yet one more", endless)).toThrow(/under way/);
  });
});
