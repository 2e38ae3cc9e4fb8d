import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { EventLog, HIVE_EVENTS_A_SECOND_MAX, type NewEvent, TYPE_EVENTS_A_SECOND_MAX } from "./event-log.ts";

const anEvent = (fields: Partial<NewEvent> = {}): NewEvent => ({
  ...{ type: "worker.state", level: "info", message: "w1 is ready", hive_id: "desk" },
  ...fields,
});

const aLog = (max?: number) => {
  const clock = new FakeClock();
  const log = new EventLog({ clock }, max === undefined ? {} : { max });
  return { clock, log, ids: (query = {}) => log.list(query).events.map(({ id }) => id) };
};

test("events are numbered without gaps, newest last, and carry the queen's time", () => {
  const { clock, log, ids } = aLog();
  log.add(anEvent());
  clock.advance(500);
  log.add(anEvent({ message: "w2 is ready" }));
  expect(ids()).toEqual([1, 2]);
  const { events, forgotten, run_id } = log.list({});
  expect(events[1]).toMatchObject({ id: 2, at_ms: clock.nowMs(), message: "w2 is ready" });
  expect(forgotten).toBe(0);
  expect(run_id).toMatch(/^[0-9a-f]{12}$/);
});

test("only so many are kept, and the answer says how many are not", () => {
  const { clock, log, ids } = aLog(5);
  for (let at = 0; at < 8; at++) {
    log.add(anEvent());
    clock.advance(1_000);
  }
  expect(ids()).toEqual([4, 5, 6, 7, 8]);
  expect(log.list({}).forgotten).toBe(3);
  expect(log.at(3)).toBeUndefined();
  expect(ids({ after: 1 })).toEqual([4, 5, 6, 7, 8]);
});

test("whoever knows some goes on after them, page by page; whoever knows none gets the newest", () => {
  const { log, ids } = aLog();
  for (let at = 0; at < 6; at++) log.add(anEvent());
  expect(ids({ limit: 2 })).toEqual([5, 6]);
  expect(ids({ after: 0, limit: 2 })).toEqual([1, 2]);
  expect(ids({ after: 2, limit: 2 })).toEqual([3, 4]);
  expect(ids({ after: 6 })).toEqual([]);
});

test("they are sifted by kind, by how much they matter, by hive and by worker", () => {
  const { log, ids } = aLog();
  log.add(anEvent({ type: "hive.seen", hive_id: "a" }));
  log.add(anEvent({ type: "hive.evicted", level: "error", hive_id: "b" }));
  log.add(anEvent({ type: "worker.failed", level: "warning", hive_id: "a", worker_id: "w1" }));
  expect(ids({ type: "hive" })).toEqual([1, 2]);
  expect(ids({ type: "hive.evicted" })).toEqual([2]);
  expect(ids({ type: "hiv" })).toEqual([]);
  expect(ids({ level: "warning" })).toEqual([2, 3]);
  expect(ids({ hive_id: "a" })).toEqual([1, 3]);
  expect(ids({ worker_id: "w1" })).toEqual([3]);
});

test("one hive cannot flood it: what is too much within a second is counted, and told once", () => {
  const { clock, log } = aLog();
  for (let at = 0; at < HIVE_EVENTS_A_SECOND_MAX + 7; at++) log.add(anEvent());
  log.add(anEvent({ type: "hive.seen", hive_id: "quiet" }));
  expect(log.last).toBe(HIVE_EVENTS_A_SECOND_MAX + 1);
  clock.advance(1_000);
  expect(log.at(log.last)).toMatchObject({ type: "worker.state", hive_id: "desk", details: { left_out: 7 } });
  log.add(anEvent());
  clock.advance(1_000);
  expect(log.last).toBe(HIVE_EVENTS_A_SECOND_MAX + 3);
});

test("nor can a fleet that comes back at once", () => {
  const { clock, log } = aLog();
  for (let hive = 0; hive < 5_000; hive++) log.add(anEvent({ type: "hive.seen", hive_id: `hive-${hive}` }));
  clock.advance(1_000);
  expect(log.last).toBe(TYPE_EVENTS_A_SECOND_MAX + 1);
  expect(log.at(log.last)).toMatchObject({
    type: "hive.seen",
    details: { left_out: 5_000 - TYPE_EVENTS_A_SECOND_MAX },
  });
  expect(log.at(log.last)).not.toHaveProperty("hive_id");
});

test("listeners hear of each event after it is in the log", () => {
  const { log } = aLog();
  const heard: number[] = [];
  const stop = log.onAppend(() => heard.push(log.last));
  log.add(anEvent());
  stop();
  log.add(anEvent());
  expect(heard).toEqual([1]);
});
