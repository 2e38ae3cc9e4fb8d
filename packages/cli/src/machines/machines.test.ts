import { describe, expect, test } from "vitest";
import { NOW_MS } from "../testing/fakes.ts";
import { aMachineStory } from "../testing/machines.ts";
import { aRecord, aStep } from "../testing/queen.ts";
import { cancel, operations } from "./operations.ts";
import { removeMachine } from "./remove.ts";
import { hiveLogs, machineStatus } from "./status.ts";

const attic = { records: [aRecord("attic", { labels: { room: "attic" } })], heard: ["attic"] };
const byHand = () => {
  const { ssh: _, ...record } = aRecord("own");
  return record;
};

describe("hive rm", () => {
  test("asks, then ends and uninstalls the hive and forgets it", async () => {
    const { page, queen, deps } = await aMachineStory({ ...attic, answer: true });
    expect(await removeMachine(deps, "attic", {})).toBe(0);
    expect(queen.asked).toEqual(["uninstall attic"]);
    expect(queen.records.size).toBe(0);
    expect(page.out).toEqual(["attic is forgotten, and nothing of it is left there\n"]);
  });

  test("no is no, and where nobody sits --yes is wanted", async () => {
    const no = await aMachineStory({ ...attic, answer: false });
    expect(await removeMachine(no.deps, "attic", {})).toBe(1);
    expect(no.page.err).toEqual(["Nothing was done."]);
    const nobody = await aMachineStory(attic);
    await expect(removeMachine(nobody.deps, "attic", {})).rejects.toMatchObject({ exitCode: 2 });
    expect([...no.queen.asked, ...nobody.queen.asked]).toEqual([]);
  });

  test("what cannot be uninstalled stays known, and how to forget it is said", async () => {
    const { page, queen, deps } = await aMachineStory({
      ...attic,
      script: () => [
        {
          steps: [aStep("connect", "", { state: "failed" })],
          state: "failed",
          error: { code: "SSH_REFUSED", message: "off" },
        },
      ],
    });
    expect(await removeMachine(deps, "attic", { yes: true })).toBe(1);
    expect(page.err.at(-1)).toBe("To forget it all the same: hive rm attic --keep");
    expect(queen.records.size).toBe(1);
    expect(await removeMachine(deps, "attic", { yes: true, keep: true })).toBe(0);
    expect(queen.records.size).toBe(0);
    expect(queen.asked).toEqual(["uninstall attic"]);
  });

  test("a hive that was not put there by ssh is only forgotten", async () => {
    const { page, queen, deps } = await aMachineStory({ records: [byHand()] });
    expect(await removeMachine(deps, "own", { yes: true })).toBe(0);
    expect(queen.asked).toEqual([]);
    expect(page.out).toEqual(["own is forgotten\n"]);
    expect(page.err).toEqual(["A hive that runs there goes on; end it there."]);
  });
});

describe("hive status and hive logs", () => {
  test("tell what the catalog has, what the queen hears, and what the machine says", async () => {
    const { page, deps } = await aMachineStory(attic);
    expect(await machineStatus(deps, "attic", {})).toBe(0);
    expect(page.text().trimEnd().split("\n")).toEqual([
      "hive      attic",
      "address   attic.lan, port 7835",
      "ssh       ada@attic, port 22",
      "labels    room=attic",
      "heard     alive, 2 s ago, 0 workers",
      "installed 0.1.0-abcdef",
      "process   runs on port 7835 since 2026-11-01T12:00:00.000Z by its clock",
      "queen     http://10.0.0.1:7833",
    ]);
    expect(await machineStatus(deps, "attic", { json: true })).toBe(0);
    expect(JSON.parse(page.out.at(-1) ?? "")).toMatchObject({
      ...{ hive_id: "attic", record: { port: 7835 }, hive: { status: "alive" }, machine: { running: true } },
    });
  });

  test("a machine without ssh is not asked", async () => {
    const { page, queen, deps } = await aMachineStory({ records: [byHand()] });
    expect(await machineStatus(deps, "own", {})).toBe(0);
    expect(page.out.at(-1)).toBe("heard     not since the queen runs\n");
    expect(queen.seen.some((line) => line.endsWith("/machine"))).toBe(false);
  });

  test("the log is written as it is", async () => {
    const { page, deps } = await aMachineStory(attic);
    expect(await hiveLogs(deps, "attic", { tailBytes: 100 })).toBe(0);
    expect(page.text()).toBe("its last words\n");
  });
});

describe("hive operations and hive cancel", () => {
  test("an empty list says what to type next", async () => {
    const { page, deps } = await aMachineStory();
    await operations(deps, {});
    expect(page.text()).toContain("hive add HOST");
  });

  test("newest first, with what goes on and how long it took", async () => {
    const { page, queen, deps } = await aMachineStory({
      script: (_, id) => [{ steps: [aStep("connect")], ...(id === "attic" ? { state: "succeeded" } : {}) }],
    });
    for (const id of ["attic", "desk"]) {
      const { operation_id } = await queen.client.addMachine(id, { ssh: { host: id } });
      await queen.client.followOperation(operation_id).next();
    }
    await operations({ ...deps, nowMs: () => NOW_MS + 5_000 }, {});
    expect(page.text().trimEnd().split("\n")).toEqual([
      "ID        WHAT  HIVE   STATE      AGO   TOOK  STEP     ERROR",
      "0002-ope  add   desk   running    5 s      -  connect",
      "0001-ope  add   attic  succeeded  5 s  1.5 s  connect",
    ]);
    for (const [named, said] of [
      ["desk", "add of desk is being cancelled"],
      ["0001", "add of attic has ended already: succeeded"],
    ] as const) {
      expect(await cancel(deps, named)).toBe(0);
      expect(page.out.at(-1)).toContain(said);
    }
    expect(queen.operations.map(({ state }) => state)).toEqual(["cancelled", "succeeded"]);
    await expect(cancel(deps, "000")).rejects.toThrow("Several operations begin with 000");
    await expect(cancel(deps, "nobody")).rejects.toThrow("Nothing goes on at nobody");
  });
});
