import type { EventList, EventsQuery, FleetEvent } from "@hive-registry/client";
import { expect, test } from "vitest";
import { EVENTS_FIRST, EVENTS_KEPT_MAX, EventFeed } from "./event-feed.ts";

const anEvent = (id: number): FleetEvent => ({
  id,
  at_ms: id,
  type: "hive.seen",
  level: "info",
  message: `event ${id}`,
});

/** A queen's log, with `count` events so far. */
function aLog() {
  const state = { runId: "run-1", count: 0, asked: [] as EventsQuery[] };
  const ask = async (query: EventsQuery): Promise<EventList> => {
    state.asked.push(query);
    const { after, limit = 100 } = query;
    const first = after === undefined ? Math.max(1, state.count - limit + 1) : after + 1;
    const last = Math.min(state.count, first + limit - 1);
    const events = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => anEvent(first + at));
    return { run_id: state.runId, events, forgotten: 0 };
  };
  return { state, ask };
}

const { signal } = new AbortController();
const idsOf = (feed: EventFeed) => feed.events.map(({ id }) => id);

test("news is asked for once, and stands first", async () => {
  const { state, ask } = aLog();
  const feed = new EventFeed(ask, { level: "warning" });
  state.count = 2;
  expect(await feed.update(signal)).toBe(false);
  state.count = 3;
  await feed.update(signal);
  await feed.update(signal);
  expect(idsOf(feed)).toEqual([3, 2, 1]);
  expect(state.asked.map(({ after }) => after)).toEqual([undefined, 2, 3]);
  expect(state.asked[0]).toMatchObject({ level: "warning", limit: EVENTS_FIRST });
});

test("it says when more is waiting, and never grows beyond its bound", async () => {
  const { state, ask } = aLog();
  const feed = new EventFeed(ask, {});
  state.count = 1;
  await feed.update(signal);
  state.count = 5_000;
  let turns = 0;
  while (await feed.update(signal)) turns++;
  expect(turns).toBe(24);
  expect(feed.events).toHaveLength(EVENTS_KEPT_MAX);
  expect(feed.events[0]?.id).toBe(5_000);
});

test("a queen that started again begins anew, and what was before stays", async () => {
  const { state, ask } = aLog();
  const feed = new EventFeed(ask, {});
  state.count = 3;
  await feed.update(signal);
  Object.assign(state, { runId: "run-2", count: 1 });
  expect(await feed.update(signal)).toBe(true);
  await feed.update(signal);
  expect(idsOf(feed)).toEqual([1, 3, 2, 1]);
});
