import { describe, expect, test } from "vitest";
import { NOW_MS } from "../testing/fakes.ts";
import { aMachineStory } from "../testing/machines.ts";
import { aRecord, aStep } from "../testing/queen.ts";
import { askMachine, HEARTBEAT_WAIT_MS, restartHive, startHive } from "./lifecycle.ts";

/** As on the queen's own machine: the operation ends when the process runs, before it is heard. */
const spawned = () => [{ steps: [aStep("spawn", "pid 4711")], state: "succeeded" as const }];

describe("hive start, stop, restart, install and update", () => {
  test("localhost is put into the catalog first, then started, then its heartbeat is awaited", async () => {
    const { page, queen, deps } = await aMachineStory({ script: spawned });
    expect(await startHive(deps, "localhost")).toBe(0);
    expect(queen.seen.slice(0, 3)).toEqual([
      ...["GET /api/v1/catalog/hives/desk", "PUT /api/v1/catalog/hives/desk", "POST /api/v1/catalog/hives/desk/start"],
    ]);
    expect(page.out).toEqual(["desk runs at http://desk.lan:7835\n"]);
    expect(page.err).toEqual(["✓ spawn            pid 4711  12 ms"]);
  });

  test("what the catalog has is left as it is", async () => {
    const { queen, deps } = await aMachineStory({ records: [aRecord("desk")] });
    expect(await startHive(deps, "desk")).toBe(0);
    expect(queen.seen.some((line) => line.startsWith("PUT"))).toBe(false);
  });

  test("another machine that nobody cataloged is refused before anything is started, and how to add it is said", async () => {
    const { queen, deps } = await aMachineStory();
    await expect(startHive(deps, "rack-7")).rejects.toThrow("rack-7 is not in the catalog. Add it: hive add rack-7");
    expect(queen.asked).toEqual([]);
  });

  test("a machine is found by its id, by the name that gave its id, and by what ssh calls it", async () => {
    const records = [aRecord("attic"), aRecord("gpu", { ssh: { host: "10.0.0.9", port: 22, user: "ada" } })];
    const { queen, deps } = await aMachineStory({ records });
    for (const host of ["attic", "ada@attic:22", "10.0.0.9"]) expect(await askMachine(deps, "stop", host)).toBe(0);
    expect(queen.asked).toEqual(["stop attic", "stop attic", "stop gpu"]);
  });

  test("a failure is told with its code, the last words, and what to do next; exit 1", async () => {
    const failed = aStep("start", "listen EADDRINUSE: 7835\n", { state: "failed" });
    const error = { code: "PORT_IN_USE", message: "Another program listens on port 7835 of attic" };
    const { page, deps } = await aMachineStory({
      records: [aRecord("attic")],
      script: () => [{ steps: [failed], state: "failed", error }],
    });
    expect(await restartHive(deps, "ada@attic:2222")).toBe(1);
    expect(page.err).toEqual([
      "✗ start  12 ms",
      "Another program listens on port 7835 of attic (PORT_IN_USE)",
      "    listen EADDRINUSE: 7835",
      "Choose another port for the hive, or 0 for any free one: hive add ada@attic:2222 --port 0",
    ]);
    expect(page.out).toEqual([]);
  });

  test("a hive that never beats is a failure after a bounded wait", async () => {
    const { page, queen, deps } = await aMachineStory({ records: [aRecord("desk")], script: spawned });
    queen.heard.add = () => queen.heard;
    expect(await startHive(deps, "desk")).toBe(1);
    expect(page.err.join()).toContain("no heartbeat");
    expect(deps.nowMs() - NOW_MS).toBeLessThan(HEARTBEAT_WAIT_MS + 1_000);
  });

  test("one that was interrupted says that the same again finishes it", async () => {
    const { page, deps } = await aMachineStory({
      records: [aRecord("attic")],
      script: () => [{ steps: [aStep("install", "", { state: "running" })], state: "interrupted" }],
    });
    expect(await askMachine(deps, "update", "attic")).toBe(1);
    expect(page.err).toEqual([
      ...["– install  12 ms", "The queen ended before it was done. The same command again finishes it."],
    ]);
  });

  test("--json prints the operation as it ended, and nothing else on stdout", async () => {
    const { page, deps } = await aMachineStory({ records: [aRecord("attic")] });
    expect(await askMachine(deps, "install", "attic", { json: true })).toBe(0);
    expect(JSON.parse(page.text())).toMatchObject({ kind: "install", hive_id: "attic", state: "succeeded" });
  });
});
