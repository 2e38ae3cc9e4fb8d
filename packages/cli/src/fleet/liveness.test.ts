import type { EvictReply, HiveRuntimeState } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { CommandError, EXIT } from "../failure.ts";
import { aHive, aPage } from "../testing/fakes.ts";
import { evict, thaw } from "./liveness.ts";

/** A queen with these hives, and who sits there. Counts what she is told. */
function aStory(hives: readonly HiveRuntimeState[], answer: boolean | undefined, more: { frozen?: boolean } = {}) {
  const page = aPage();
  const asked: string[] = [];
  const told: string[] = [];
  const liveness = { held_back: 0, ...(more.frozen ? { frozen_until_ms: page.nowMs() + 60_000 } : {}) };
  const client = {
    listHives: async () => [...hives],
    stats: async () => ({ liveness }) as never,
    async evictSilent(): Promise<EvictReply> {
      told.push("evict");
      const ids = hives.filter(({ status }) => status === "silent").map(({ hive_id }) => hive_id);
      return { evicted: ids.length, hive_ids: ids };
    },
    async thaw() {
      told.push("thaw");
      return { thawed: more.frozen === true };
    },
  };
  const confirm = async (question: string) => {
    asked.push(question);
    return answer;
  };
  return { page, asked, told, deps: { ...page, client, confirm } };
}

const silent = (hive_id: string, agoMs: number) =>
  aHive({ hive_id, status: "silent", received_at_ms: aPage().nowMs() - agoMs });

describe("hive evict", () => {
  test("asks first, naming who is silent, longest first, and for how long at least", async () => {
    const { deps, asked, told, page } = aStory([aHive(), silent("a", 60_000), silent("b", 240_000)], true);
    expect(await evict(deps, {})).toBe(EXIT.done);
    expect(asked).toEqual(["Forget 2 silent hives (b, a), none heard for 1 min?"]);
    expect(told).toEqual(["evict"]);
    expect(page.text()).toBe("2 hives forgotten: a, b\n");
    expect(page.err.at(-1)).toContain("back at once");
  });

  test("a no leaves all as it is", async () => {
    const { deps, told, page } = aStory([silent("a", 60_000)], false);
    expect(await evict(deps, {})).toBe(EXIT.failed);
    expect(told).toEqual([]);
    expect(page.err).toEqual(["Nothing was done."]);
  });

  test("where nobody sits it wants --yes, which asks nothing", async () => {
    const nobody = aStory([silent("a", 60_000)], undefined);
    await expect(evict(nobody.deps, {})).rejects.toThrow(CommandError);
    await expect(evict(nobody.deps, {})).rejects.toThrow("add --yes");
    expect(nobody.told).toEqual([]);
    expect(await evict(nobody.deps, { yes: true })).toBe(EXIT.done);
    expect(nobody.told).toEqual(["evict"]);
  });

  test("when nobody is silent it says so, and asks nothing", async () => {
    const { deps, asked, told, page } = aStory([aHive()], true);
    expect(await evict(deps, {})).toBe(EXIT.done);
    expect([asked, told]).toEqual([[], []]);
    expect(page.text()).toContain("nothing to forget");
    await evict(deps, { json: true });
    expect(JSON.parse(page.out.at(-1) ?? "")).toEqual({ evicted: 0, hive_ids: [] });
    await evict(deps, { yes: true });
    expect(page.out.at(-1)).toContain("nothing to forget");
  });

  test("in a fleet that is frozen it points at the queen's own network", async () => {
    const { deps, page } = aStory([silent("a", 60_000)], false, { frozen: true });
    await evict(deps, {});
    expect(page.err[0]).toContain("the queen's own network");
  });

  test("of many it names ten; a name cannot steer the terminal", async () => {
    const hives = Array.from({ length: 12 }, (_, n) => silent(n === 11 ? "x\u001b[2J" : `h${n}`, 60_000 + n));
    const { deps, asked } = aStory(hives, false);
    await evict(deps, {});
    expect(asked[0]).toContain("Forget 12 silent hives (x\uFFFD[2J, h10");
    expect(asked[0]).toContain("h2 and 2 more)");
  });

  test("--json prints the queen's reply", async () => {
    const { deps, page } = aStory([silent("a", 60_000)], true);
    await evict(deps, { json: true, yes: true });
    expect(JSON.parse(page.text())).toEqual({ evicted: 1, hive_ids: ["a"] });
  });
});

test("hive thaw says whether anything was frozen, and what to do next", async () => {
  const frozen = aStory([], true, { frozen: true });
  await thaw(frozen.deps, {});
  expect(frozen.page.text()).toBe("Evictions go on.\n");
  expect(frozen.page.err[0]).toContain("hive evict");
  const calm = aStory([], true);
  await thaw(calm.deps, {});
  expect(calm.page.text()).toContain("Nothing is frozen");
  await thaw(calm.deps, { json: true });
  expect(JSON.parse(calm.page.out.at(-1) ?? "")).toEqual({ thawed: false });
});
