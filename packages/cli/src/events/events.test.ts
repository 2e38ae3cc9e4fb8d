import type { EventsQuery, FleetEvent, FollowEventsOptions } from "@hive-registry/client";
import { expect, test } from "vitest";
import { COLOURED } from "../output/paint.ts";
import { aPage, each, NOW_MS } from "../testing/fakes.ts";
import { type EventsFlags, eventLine, events } from "./events.ts";

const anEvent = (fields: Partial<FleetEvent> = {}): FleetEvent => ({
  ...{ id: 1, at_ms: NOW_MS, type: "hive.suspect", level: "warning", hive_id: "attic" },
  message: "attic's connection closed: it gets no new work until it is heard again",
  ...fields,
});

const aStory = (known: readonly FleetEvent[], later: readonly FleetEvent[] = []) => {
  const page = aPage();
  const asked: EventsQuery[] = [];
  let ended = 0;
  const client = {
    async events(query: EventsQuery = {}) {
      asked.push(query);
      return { run_id: "r", events: known, forgotten: 0 };
    },
    followEvents(query: EventsQuery = {}, options: FollowEventsOptions = {}) {
      asked.push(query);
      options.onRetry?.({ error: new Error("cut"), attempt: 1, delayMs: 1 });
      options.onRetry?.({ error: new Error("cut"), attempt: 2, delayMs: 1 });
      return each([...known, ...later]);
    },
  };
  const interruptible = () => ({ signal: new AbortController().signal, end: () => void ended++ });
  return {
    page,
    asked,
    ended: () => ended,
    run: (flags: EventsFlags) => events({ ...page, client, interruptible }, flags),
  };
};

test("the newest are shown, then each as it happens, a line each", async () => {
  const story = aStory(
    [anEvent()],
    [anEvent({ id: 2, type: "hive.back", level: "info", message: "attic is heard again" })],
  );
  await story.run({});
  const lines = story.page.text().trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}warning {2}hive\.suspect {7}attic's connection closed: it gets no new/);
  expect(lines[1]).toMatch(/ {2}info {5}hive\.back {10}attic is heard again$/);
  expect(story.asked).toEqual([{ limit: 20 }]);
  expect(story.ended()).toBe(1);
  expect(story.page.err).toHaveLength(1);
});

test("--no-follow ends after the newest, and the filters are the queen's work", async () => {
  const story = aStory([anEvent()]);
  await story.run({ follow: false, type: "hive", hive: "attic", level: "warning", limit: 5 });
  expect(story.asked).toEqual([{ limit: 5, type: "hive", hive_id: "attic", level: "warning" }]);
  expect(story.page.out).toHaveLength(1);
});

test("for programs the newest are one list, and what is followed is a line each", async () => {
  const story = aStory([anEvent()], [anEvent({ id: 2 })]);
  await story.run({ follow: false, json: true });
  expect(JSON.parse(story.page.out[0] ?? "")).toEqual([anEvent()]);
  await story.run({ json: true });
  expect(story.page.out.slice(1).map((line) => JSON.parse(line).id)).toEqual([1, 2]);
});

test("nothing is said in words", async () => {
  const story = aStory([]);
  await story.run({ follow: false });
  expect(story.page.text()).toContain("Nothing of that happened");
});

test("an event of another day has its date, alarms are coloured, and nothing in a message steers the terminal", () => {
  const old = eventLine(anEvent({ at_ms: NOW_MS - 3 * 86_400_000, message: "a\u001B[2Jb" }), COLOURED, NOW_MS);
  expect(old).toMatch(/2026-10-2\d \d\d:/);
  expect(old).toContain("\u001B[33mwarning\u001B[39m");
  expect(old).not.toContain("\u001B[2J");
});
