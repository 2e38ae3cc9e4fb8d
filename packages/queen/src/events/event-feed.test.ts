import { type FleetEvent, HiveError } from "@hive-registry/contract";
import type { RegistryEvent } from "hive-registry";
import { expect, test } from "vitest";
import { Operations } from "../core/operations.ts";
import { aHeartbeat, aQueen, aWorker } from "../testing/a-queen.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { EventFeed } from "./event-feed.ts";
import { EventLog } from "./event-log.ts";

const aStory = async () => {
  const world = await aQueen();
  let seq = 0;
  let told = 0;
  const beat = (fields: Parameters<typeof aHeartbeat>[0] = {}) => {
    const timestamp = new Date(world.clock.nowMs()).toISOString();
    return world.heartbeat(aHeartbeat({ timestamp, boot_id: "one", seq: ++seq, ...fields }));
  };
  /** What was told since this was asked last. */
  const news = (): FleetEvent[] => {
    const { events } = world.queen.events.list({ after: told, limit: 1_000 });
    told = world.queen.events.last;
    return [...events];
  };
  const kinds = () => news().map(({ type }) => type);
  return { ...world, beat, news, kinds };
};

test("a queen that starts says so, and tells each hive that she hears for the first time, with its workers", async () => {
  const { beat, news } = await aStory();
  await beat();
  await beat();
  expect(news()).toMatchObject([
    { id: 1, type: "queen.started", level: "info" },
    { id: 2, type: "hive.seen", hive_id: "desk", details: { workers: 1 } },
  ]);
});

test("a connection that closes and opens again is two events", async () => {
  const { queen, clock, beat, news, kinds } = await aStory();
  await beat();
  kinds();
  queen.hiveDisconnected("desk");
  clock.advance(3_000);
  await beat();
  await beat();
  const [gone, back, ...more] = news();
  expect(gone).toMatchObject({ type: "hive.suspect", level: "warning", details: { reason: "closed" } });
  expect(gone?.message).toBe("desk's connection closed: it gets no new work until it is heard again");
  expect(back).toMatchObject({ type: "hive.back", details: { away_ms: 3_000 } });
  expect(more).toEqual([]);
});

test("a hive that falls silent, is forgotten, and comes back by a lease or anew is told at each turn", async () => {
  const { clock, beat, kinds } = await aStory();
  await beat();
  kinds();
  clock.advance(400_000);
  expect(kinds()).toEqual(["hive.suspect", "hive.silent", "hive.evicted"]);
  await beat();
  expect(kinds()).toEqual(["hive.back"]);
});

test("a lease brings a suspect hive back", async () => {
  const { queen, clock, beat, kinds } = await aStory();
  await beat();
  kinds();
  clock.advance(14_000);
  expect(kinds()).toEqual(["hive.suspect"]);
  queen.receiveLease({ hive_id: "desk", boot_id: "one", seq: 99 });
  expect(kinds()).toEqual(["hive.back"]);
});

test("a goodbye is no alarm, and who starts anew is told apart from who only came back", async () => {
  const { beat, news, kinds } = await aStory();
  await beat();
  kinds();
  await beat({ goodbye: true });
  expect(news()).toMatchObject([{ type: "hive.silent", level: "info", details: { reason: "goodbye" } }]);
  await beat({ boot_id: "two", seq: 1 });
  expect(kinds()).toEqual(["hive.back", "hive.restarted"]);
});

test("workers are told when they come, are ready, fail, work again and go; not when they are busy and idle again", async () => {
  const { queen, clock, beat, news, kinds } = await aStory();
  await beat();
  kinds();
  const w2 = (state: "Loading" | "Idle" | "Busy") => aWorker({ worker_id: "w2", model_id: "llama", state });
  for (const state of ["Loading", "Idle", "Busy", "Idle"] as const) await beat({ workers: [aWorker(), w2(state)] });
  expect(news()).toMatchObject([
    { type: "worker.added", worker_id: "w2", model: "llama", message: "Worker w2 on desk is loading with llama" },
    { type: "worker.state", details: { from: "Loading", to: "Idle" } },
  ]);
  queen.registry.reserve({ model: "llama" })?.release("error");
  expect(news()).toMatchObject([{ type: "worker.failed", level: "warning", worker_id: "w2" }]);
  clock.advance(2_000);
  queen.registry.reserve({ model: "llama" })?.release("ok");
  await beat();
  expect(kinds()).toEqual(["worker.recovered", "worker.removed"]);
});

test("workers that go with their hive are told with it", async () => {
  const { queen, beat, kinds } = await aStory();
  await beat();
  kinds();
  queen.removeHive("desk");
  expect(kinds()).toEqual(["hive.removed"]);
});

test("a clock that is a day off, jumps, and is set right is told three times", async () => {
  const { clock, beat, news } = await aStory();
  const at = (offMs: number) => ({ timestamp: new Date(clock.nowMs() + offMs).toISOString() });
  await beat(at(86_400_000));
  const [, , wrong] = news();
  expect(wrong).toMatchObject({ type: "hive.clock", level: "warning", details: { skew_ms: 86_400_000 } });
  expect(wrong?.message).toContain("desk's clock is 24 h ahead");
  for (const offMs of [86_400_100, -3_600_000, 0]) {
    clock.advance(10_000);
    await beat(at(offMs));
    for (let minute = 0; minute < 6; minute++) {
      clock.advance(10_000);
      await beat(at(offMs));
    }
  }
  const told = news();
  expect(told.map(({ type, level }) => `${type} ${level}`)).toEqual(["hive.clock warning", "hive.clock info"]);
  expect(told[0]?.message).toContain("jumped and is now 60 min behind");
});

test("a fleet that falls silent together is an alarm, and its end is told", async () => {
  const { queen, clock, beat, news, kinds } = await aStory();
  for (const hive_id of ["a", "b", "c", "d", "e", "f", "g", "h"]) await beat({ hive_id });
  clock.advance(60_000);
  const told = news();
  const frozen = told.find(({ type }) => type === "fleet.frozen");
  expect(frozen).toMatchObject({ level: "error", details: { total: 8 } });
  expect(frozen?.message).toMatch(/^[5-8] of 8 hives fell silent together/);
  queen.registry.thaw();
  expect(kinds()).toEqual(["fleet.thawed"]);
});

test("a queen that stood still, and hives that come and go, are told with what follows from it", () => {
  const clock = new FakeClock();
  const events = new EventLog({ clock });
  let tell: (event: RegistryEvent) => void = () => {};
  const subscribe = (listener: typeof tell) => {
    tell = listener;
    return () => {};
  };
  new EventFeed({ registry: { subscribe, onWorkerChange: () => () => {} }, events, nowMs: clock.nowMs });
  const at = { revision: 1, at_ms: clock.nowMs() };
  tell({ ...at, type: "fleet.stalled", stall_ms: 60_000, grace_until_ms: clock.nowMs() + 30_000 });
  tell({ ...at, type: "hive.flapping", hive_id: "desk", flapping: true });
  tell({ ...at, type: "hive.flapping", hive_id: "desk", flapping: false });
  tell({ ...at, type: "hive.clock", hive_id: "desk", from_ms: 0, to_ms: -7_200_000 });
  expect(events.list({}).events.map(({ type, level, message }) => `${type} ${level}: ${message.slice(0, 50)}`)).toEqual(
    [
      "queen.stalled warning: The queen stood still for 60 s: nobody counts as q",
      "hive.flapping warning: desk falls silent and comes back again and again: ",
      "hive.flapping info: desk is steady again: its workers are chosen like ",
      "hive.clock warning: desk's clock jumped and is now 2 h behind: it is s",
    ],
  );
});

test("operations are told when they begin and how they ended", async () => {
  const { queen, catalog, clock, news } = await aStory();
  const silent = { error: () => {}, warn: () => {} };
  const operations = new Operations({
    ...{ clock, log: silent, catalog },
    onNews: (operation) => queen.eventFeed.operation(operation),
  });
  const step = (run: () => Promise<string>) => ({ works: [{ name: "step", run }] });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  news();
  const { operation_id } = operations.begin(
    "update",
    "desk",
    step(async () => "done"),
  );
  await settled();
  operations.begin(
    "start",
    "desk",
    step(() => Promise.reject(new HiveError("TIMEOUT", "no heartbeat came"))),
  );
  await settled();
  expect(news()).toMatchObject([
    { type: "operation.started", hive_id: "desk", operation_id, message: "desk: update began" },
    { type: "operation.ended", level: "info", operation_id, details: { kind: "update", state: "succeeded" } },
    { type: "operation.started" },
    { type: "operation.ended", level: "error", details: { state: "failed", code: "TIMEOUT" } },
  ]);
});
