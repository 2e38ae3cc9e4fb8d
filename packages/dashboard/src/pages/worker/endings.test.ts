import type { Candidate, Reason, RecentChoice } from "@hive-registry/client";
import { expect, test } from "vitest";
import { latelyOf } from "./endings.ts";

const aChoice = (at_ms: number, reason: Reason | undefined, chosen?: string): RecentChoice => {
  const own: Candidate = { hive_id: "desk", worker_id: "w", model: "m", ...(reason === undefined ? {} : { reason }) };
  return {
    ...{ at_ms, policy: "best", model: "m", left_out: 0, candidates: [own] },
    ...(chosen === undefined ? {} : { chosen: { hive_id: "desk", worker_id: chosen, model: "m" } }),
  };
};

test("choices are told by how they ended for the worker, the newest first, with who was chosen instead", () => {
  const endings = latelyOf([
    aChoice(50, "outscored", "other"),
    aChoice(40, undefined, "w"),
    aChoice(30, "no_room"),
    aChoice(20, "outscored", "third"),
    aChoice(10, undefined, "w"),
  ]);
  expect(endings).toMatchObject([
    { reason: "outscored", times: 2, lastAtMs: 50, instead: { worker_id: "other" } },
    { times: 2, lastAtMs: 40 },
    { reason: "no_room", times: 1, lastAtMs: 30 },
  ]);
  expect(endings[1]).toMatchObject({ reason: undefined, instead: undefined });
  expect(endings[2]?.instead).toBeUndefined();
});

test("no choices are no endings", () => {
  expect(latelyOf([])).toEqual([]);
  expect(latelyOf([{ ...aChoice(1, undefined), candidates: [] }])).toEqual([]);
});
