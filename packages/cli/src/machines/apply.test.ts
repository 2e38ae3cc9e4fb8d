import { parseHivesConf, plan } from "@hive-registry/lifecycle/fleet";
import { describe, expect, test, vi } from "vitest";
import { aMachineStory } from "../testing/machines.ts";
import { aRecord, aStep, type FakeQueenOptions } from "../testing/queen.ts";
import { APPLY_AT_ONCE, type ApplyDeps, apply } from "./apply.ts";

async function aStory(conf: string, options: FakeQueenOptions & { readonly answer?: boolean } = {}) {
  const story = await aMachineStory(options);
  const waited: string[] = [];
  const deps: ApplyDeps = {
    ...story.deps,
    plan,
    wanted: () => parseHivesConf(conf, "hives.conf"),
    progress: () => ({ ...story.page.progress(), waiting: (text) => void waited.push(text) }),
  };
  return { ...story, deps, waited };
}

const FLEET = "Host rack-1 rack-2 rack-3\nHost *\n  Labels room=cellar\n";
const LIMIT = { timeout: 10_000, interval: 5 };
const yes = { yes: true };

describe("hive apply", () => {
  test("shows what it takes first, and does nothing where the person says no", async () => {
    const { page, queen, deps } = await aStory(FLEET, {
      records: [aRecord("rack-2"), aRecord("old")],
      heard: ["rack-2"],
    });
    expect(await apply({ ...deps, confirm: async () => false }, { prune: true })).toBe(1);
    expect(page.text().split("\n")).toEqual([
      "HIVE    DO      BECAUSE",
      "rack-1  add     not in the catalog",
      "rack-2  label   label room none → cellar",
      "rack-3  add     not in the catalog",
      "old     remove  not named in the file",
      "",
    ]);
    expect(page.err).toEqual(["Nothing was done."]);
    expect(queen.asked).toEqual([]);
  });

  test("makes the fleet as wanted, a line for each machine; again it changes nothing", async () => {
    const { page, queen, deps } = await aStory(FLEET, {
      records: [aRecord("rack-2"), aRecord("old")],
      heard: ["rack-2"],
    });
    expect(await apply(deps, yes)).toBe(0);
    expect(queen.asked.toSorted()).toEqual(["add rack-1", "add rack-3"]);
    expect(page.err.toSorted()).toEqual([
      ...["✓ rack-1  added  0 ms", "✓ rack-2  labelled  0 ms", "✓ rack-3  added  0 ms"],
    ]);
    expect(page.out.at(-1)).toBe("3 done, 0 failed, 0 as wanted before.\n");
    expect(queen.records.get("rack-2")).toMatchObject({ ssh: { host: "rack-2" }, labels: { room: "cellar" } });

    const before = queen.seen.length;
    expect(await apply(deps, yes)).toBe(0);
    expect(page.out.at(-1)).toBe("Nothing to do: 3 machines as wanted.\n");
    expect(queen.seen.slice(before).every((line) => line.startsWith("GET"))).toBe(true);
  });

  test("--prune uninstalls and forgets whom the file does not name", async () => {
    const { page, queen, deps } = await aStory("Host a", {
      records: [aRecord("a"), aRecord("old")],
      heard: ["a", "old"],
    });
    expect(await apply(deps, { ...yes, prune: true })).toBe(0);
    expect(queen.asked).toEqual(["uninstall old"]);
    expect([...queen.records.keys()]).toEqual(["a"]);
    expect(page.err).toEqual(["✓ old  removed  0 ms"]);
  });

  test("a machine that fails is told with what to do, the others go on, and the exit code is 1", async () => {
    const { page, queen, deps } = await aStory(FLEET, {
      script: (_, id) =>
        id === "rack-2"
          ? [
              {
                ...{ steps: [aStep("install", "No space left on device", { state: "failed" })], state: "failed" },
                error: { code: "NO_SPACE", message: "rack-2 has no room" },
              },
            ]
          : [{ steps: [], state: "succeeded" }],
    });
    expect(await apply(deps, yes)).toBe(1);
    expect([...queen.heard].toSorted()).toEqual(["rack-1", "rack-3"]);
    const at = page.err.indexOf("✗ rack-2  rack-2 has no room (NO_SPACE)  0 ms");
    expect(page.err.slice(at + 1, at + 3)).toEqual([
      "        No space left on device",
      "    Make room there, and do the same again.",
    ]);
    expect(page.out.at(-1)).toBe("2 done, 1 failed, 0 as wanted before.\n");
  });

  test(`works on ${APPLY_AT_ONCE} machines at once, and no more`, async () => {
    const names = Array.from({ length: 3 * APPLY_AT_ONCE }, (_, at) => `rack-${at}`);
    const { queen, deps, waited } = await aStory(`Host ${names.join(" ")}`);
    expect(await apply(deps, yes)).toBe(0);
    expect(queen.heard.size).toBe(names.length);
    expect(queen.atOnceMax()).toBeGreaterThan(1);
    expect(queen.atOnceMax()).toBeLessThanOrEqual(APPLY_AT_ONCE);
    expect(waited.some((text) => text.includes(`of ${names.length} done; at work: rack-0`))).toBe(true);
  });

  test("--dry-run and --json show the plan to programs, and what came of it", async () => {
    const { page, queen, deps } = await aStory("Host a");
    expect(await apply(deps, { dryRun: true, json: true })).toBe(0);
    expect(JSON.parse(page.out.at(-1) ?? "")).toEqual({
      plan: [{ action: "add", id: "a", machine: { ssh: { host: "a" } } }],
      results: [],
    });
    expect(queen.asked).toEqual([]);
    expect(await apply(deps, { ...yes, json: true })).toBe(0);
    expect(page.out).toHaveLength(2);
    expect(JSON.parse(page.out.at(-1) ?? "")).toMatchObject({ results: [{ hive_id: "a", action: "add", ok: true }] });
  });

  test("where nobody sits to be asked it wants --yes: wrong usage", async () => {
    const { queen, deps } = await aStory("Host a");
    await expect(apply(deps, {})).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining("--yes") });
    expect(queen.asked).toEqual([]);
  });

  test("after Ctrl-C nothing more is begun, and the queen goes on with what was", async () => {
    const { page, queen, deps, interrupt } = await aStory(
      `Host ${Array.from({ length: 20 }, (_, at) => `rack-${at}`).join(" ")}`,
      { script: () => [{ steps: [aStep("connect")] }] },
    );
    const applying = apply(deps, yes);
    await vi.waitUntil(() => queen.operations.length === APPLY_AT_ONCE, LIMIT);
    interrupt.abort();
    expect(await applying).toBe(1);
    expect(queen.asked).toHaveLength(APPLY_AT_ONCE);
    expect(page.err).toContain("The queen goes on with what was begun: hive operations");
    expect(page.out.at(-1)).toBe("0 done, 0 failed, 0 as wanted before, 20 not waited for.\n");
  });

  test("a machine on which something goes on already is waited for, and then told what is wanted", async () => {
    let adds = 0;
    const { page, queen, deps } = await aStory("Host a", {
      script: () => (++adds === 1 ? [{ steps: [aStep("connect")] }] : [{ steps: [], state: "succeeded" }]),
    });
    const { operation_id } = await queen.client.addMachine("a", { ssh: { host: "a" } });
    const applying = apply(deps, yes);
    await vi.waitUntil(() => queen.seen.includes(`GET /api/v1/operations/${operation_id}`), LIMIT);
    await queen.client.cancelOperation(operation_id);
    expect(await applying).toBe(0);
    expect(page.err).toEqual(["✓ a  added  0 ms"]);
    expect(queen.asked).toEqual(["add a", "add a"]);
  });
});
