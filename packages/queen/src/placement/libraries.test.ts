import { HiveError } from "@hive-registry/contract";
import { HiveRegistry } from "hive-registry";
import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { Libraries } from "./libraries.ts";
import { type FakeHive, FakeHives } from "./testing/fake-hives.ts";

function theLibraries() {
  const clock = new FakeClock();
  const registry = new HiveRegistry({ now: clock.nowMs });
  const calls = new FakeHives(clock);
  const reached: string[] = [];
  const said: object[] = [];
  const libraries = new Libraries(
    {
      ...{ registry, clock, calls },
      log: { info: (fields) => said.push(fields) },
      onReached: (hiveId) => reached.push(hiveId),
    },
    { fast: ["small", "tiny"] },
  );
  const settled = async () => {
    for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const hear = (hive: FakeHive) => {
    const payload = hive.heartbeat();
    registry.updateHiveState(hive.id, payload, { receivedAtMs: clock.nowMs() });
    libraries.heard(payload);
  };
  const beat = async (hive: FakeHive) => {
    clock.advance(1);
    hear(hive);
    await settled();
  };
  const names = (name: string) => libraries.find(name).map(({ model, hives }) => [model, ...hives.keys()]);
  return { clock, registry, calls, libraries, reached, said, settled, hear, beat, names };
}

test("a hive is asked when it is first heard and when it was started anew, and not at every beat", async () => {
  const { calls, beat, reached, names } = theLibraries();
  const desk = calls.add("desk", { models: { small: 1 } });
  await beat(desk);
  await beat(desk);
  expect(desk.asked).toEqual(["library"]);
  expect(names("small")).toEqual([["small", "desk"]]);
  desk.bootId = "boot-2";
  desk.models = { big: 9 };
  await beat(desk);
  expect(names("small")).toEqual([]);
  expect(names("big")).toEqual([["big", "desk"]]);
  expect(reached).toEqual(["desk", "desk"]);
});

test("a name means the model of exactly this name, else those of its alias, else those of its normal form", async () => {
  const { calls, beat, names } = theLibraries();
  await beat(calls.add("desk", { models: { small: 1, "Big-Q4_K_M": 9, "big-q8_0": 9 } }));
  await beat(calls.add("rack", { models: { small: 1, "big-q8_0": 9 } }));
  expect(names("small")).toEqual([["small", "desk", "rack"]]);
  expect(names("fast")).toEqual([["small", "desk", "rack"]]);
  expect(names("org/Big")).toEqual([
    ["Big-Q4_K_M", "desk"],
    ["big-q8_0", "desk", "rack"],
  ]);
  expect(names("big-q8_0")).toEqual([["big-q8_0", "desk", "rack"]]);
  expect(names("else")).toEqual([]);
});

test("what answers for another hive is not believed, and who does not answer has no models", async () => {
  const { calls, libraries, beat, names, said } = theLibraries();
  const remote = calls.add("remote", { models: { small: 1 } });
  remote.answersAs = "desk";
  await beat(remote);
  const away = calls.add("away", { models: { small: 1 } });
  away.isReached = false;
  await beat(away);
  expect(names("small")).toEqual([]);
  expect(said).toMatchObject([{ hive_id: "remote" }, { hive_id: "away" }]);
  await expect(libraries.urlOf("remote")).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  await expect(libraries.urlOf("nobody")).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  away.isReached = true;
  expect(await libraries.urlOf("away")).toBe(away.url);
});

test("who misses a model has them asked again, but not those who were asked just now", async () => {
  const { clock, calls, libraries, beat, names, settled } = theLibraries();
  const desk = calls.add("desk");
  await beat(desk);
  expect(libraries.lookAgain()).toBeUndefined();
  desk.models = { new: 1 };
  clock.advance(2_000);
  const looking = libraries.lookAgain();
  expect(libraries.lookAgain()).toBe(looking);
  await looking;
  expect(names("new")).toEqual([["new", "desk"]]);
  expect(libraries.lookAgain()).toBeUndefined();
  expect(desk.asked).toEqual(["library", "library"]);
  await settled();
});

test("a hive that does not answer for once keeps its models; one at whose address another answers has none", async () => {
  const { clock, calls, libraries, beat, names } = theLibraries();
  const desk = calls.add("desk", { models: { small: 1 } });
  await beat(desk);
  clock.advance(2_000);
  desk.isReached = false;
  await libraries.lookAgain();
  expect(names("small")).toEqual([["small", "desk"]]);
  clock.advance(2_000);
  desk.isReached = true;
  desk.answersAs = "other";
  await libraries.lookAgain();
  expect(names("small")).toEqual([]);
});

test("a hive that is gone has no models; one that only fell silent keeps them", async () => {
  const { clock, registry, calls, beat, names } = theLibraries();
  await beat(calls.add("desk", { models: { small: 1 } }));
  clock.advance(60_000);
  registry.tick();
  expect(names("small")).toEqual([["small", "desk"]]);
  registry.removeHive("desk");
  expect(names("small")).toEqual([]);
});

test("of a large fleet only a few are asked at the same time, and all of them in the end", async () => {
  const { calls, hear, names, settled } = theLibraries();
  for (let at = 0; at < 100; at++) {
    hear(calls.add(`h${at}`, { models: { small: 1 } }));
  }
  await settled();
  expect(names("small")[0]).toHaveLength(101);
  expect(calls.atOnce).toBe(8);
});

test("a failure that is no hive's is told as ours", async () => {
  const { calls, libraries, beat } = theLibraries();
  const desk = calls.add("desk");
  desk.library = () => {
    throw new TypeError("a defect");
  };
  await beat(desk);
  await expect(libraries.urlOf("desk")).rejects.toBeInstanceOf(HiveError);
});
