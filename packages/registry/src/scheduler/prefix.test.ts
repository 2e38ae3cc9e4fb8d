import { describe, expect, test } from "vitest";
import { aFleet } from "../testing/a-fleet.ts";
import { HOLDERS_MAX, PrefixMemory } from "./prefix-memory.ts";

const SYSTEM = "You are a helpful assistant that answers in rhymes only. ".repeat(4);

describe("the memory of prompts' beginnings", () => {
  test("names those that saw the longest part first, and of equals the one that saw it last", () => {
    const memory = new PrefixMemory(1_000);
    memory.remember("m", SYSTEM, 1);
    memory.remember("m", SYSTEM, 2);
    memory.remember("m", `${SYSTEM}${"And who is the queen of all these bees? ".repeat(4)}`, 3);
    const asked = `${SYSTEM}${"And who is the queen of all these bees? ".repeat(2)}`;
    expect(memory.find("m", asked).map(({ worker }) => worker)).toEqual([3, 2, 1]);
    expect(memory.find("m", asked).map(({ pieces }) => pieces)).toEqual([4, 3, 3]);
    expect(memory.find("another", asked)).toEqual([]);
  });

  test("remembers of each beginning only the last few that saw it, each once", () => {
    const memory = new PrefixMemory(1_000);
    for (let worker = 0; worker <= HOLDERS_MAX; worker++) memory.remember("m", SYSTEM, worker);
    memory.remember("m", SYSTEM, 3);
    const holders = memory.find("m", SYSTEM).map(({ worker }) => worker);
    expect(holders).toEqual([3, 8, 7, 6, 5, 4, 2, 1]);
  });

  test("forgets the oldest pieces when it is full", () => {
    const memory = new PrefixMemory(4);
    memory.remember("m", "a".repeat(256), 1);
    memory.remember("m", "b".repeat(128), 2);
    expect(memory.find("m", "a".repeat(256))).toEqual([]);
    expect(memory.find("m", "b".repeat(128))).toEqual([{ worker: 2, pieces: 2 }]);
  });
});

test("when the worker that knows a prompt is overloaded, another that knows it takes over before one that does not", () => {
  const { report, reserve } = aFleet({ policy: "prefix" });
  report(...Array.from({ length: 8 }, () => ({ slots_total: 4 })));
  const ask = () => reserve({ prefix_key: SYSTEM });
  // Three at once are more than one worker gets while others are idle, so two know the prompt.
  const first = [ask(), ask(), ask(), ask()];
  const know = new Set(first.map((reservation) => reservation?.worker.worker_id));
  expect(know.size).toBe(2);
  for (const reservation of first) reservation?.release();
  const others = Array.from({ length: 3 }, () => reserve({ prefix_key: "Something else. ".repeat(20) }));
  expect(others.some((reservation) => know.has(reservation?.worker.worker_id ?? ""))).toBe(false);
  const again = Array.from({ length: 4 }, () => ask()?.worker.worker_id);
  expect(new Set(again)).toEqual(know);
});

test("who comes where another worker went knows nothing of the prompts that the other saw", () => {
  const { report, reserve, chosen } = aFleet({ policy: "prefix" });
  const prefix_key = "You are a helpful assistant. ".repeat(10);
  const workers = (...ids: string[]) =>
    report(...ids.map((worker_id) => ({ worker_id, slots_total: 4, slots_busy: worker_id === "fresh" ? 1 : 0 })));
  workers("a", "b");
  const first = reserve({ prefix_key });
  first?.release();
  const other = first?.worker.worker_id === "a" ? "b" : "a";
  workers(other);
  workers(other, "fresh");
  expect(chosen({ prefix_key })).toBe(other);
});
