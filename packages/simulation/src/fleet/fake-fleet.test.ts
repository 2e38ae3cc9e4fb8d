import { HiveError } from "@hive-registry/contract";
import { expect, onTestFinished, test } from "vitest";
import { type AQueen, aQueen } from "../testing/a-queen.ts";
import { eventually } from "../testing/eventually.ts";
import { type FakeFleet, type FakeFleetOptions, startFakeFleet } from "./fake-fleet.ts";

async function aFleet(queen: AQueen, options: Omit<FakeFleetOptions, "queenUrl"> = {}): Promise<FakeFleet> {
  const fleet = await startFakeFleet({ queenUrl: queen.url, ...options });
  onTestFinished(() => fleet.stop());
  return fleet;
}

const ofHive = (queen: AQueen, hiveId: string) => queen.told.filter(({ hive_id }) => hive_id === hiveId);

test("each hive tells of its own workers, on a connection of its own, with the token", async () => {
  const queen = await aQueen();
  const { workers } = await aFleet(queen, { hives: 2, workers: 3, models: ["a", "b"], token: "s3cret" });
  expect(queen.tokens).toEqual(["Bearer s3cret", "Bearer s3cret"]);
  expect(ofHive(queen, "sim-1")[0]).toMatchObject({
    seq: 1,
    workers: [
      { worker_id: "sim-1-1", model_id: "a", state: "Idle", url: workers[0]?.url },
      { worker_id: "sim-1-2", model_id: "b" },
      { worker_id: "sim-1-3", model_id: "a" },
    ],
  });
  expect(ofHive(queen, "sim-2")[0]?.workers).toHaveLength(3);
});

test("a worker whose slots are all taken is told of before the next beat", async () => {
  const queen = await aQueen();
  const { workers } = await aFleet(queen, {
    ...{ hives: 1, workers: 1, worker: { slots: 1, beforeToken: () => new Promise(() => undefined) } },
  });
  const asked = fetch(`${workers[0]?.url}/v1/completions`, { method: "POST", body: "{}" }).catch(() => undefined);
  await eventually("a busy worker", () => queen.told.at(-1)?.workers?.[0]?.state === "Busy");
  await workers[0]?.stop();
  await asked;
});

test("between changes hives beat at the queen's pace, with leases, and now and then a full one", async () => {
  const queen = await aQueen({ accepted: true, next_heartbeat_ms: 10 });
  await aFleet(queen, { hives: 1, workers: 1 });
  await eventually("thirty beats", () => queen.told.length >= 30);
  const kinds = queen.told.slice(0, 30).map(({ workers }) => (workers === undefined ? "l" : "F"));
  expect(kinds.join("")).toMatch(/^F(l{11}F){2}/);
  expect(queen.told.map(({ seq }) => seq)).toEqual(queen.told.map((_, at) => at + 1));
});

test("a hive whose connection breaks comes back and tells everything again", async () => {
  const queen = await aQueen();
  const { hives } = await aFleet(queen, { hives: 1, workers: 1 });
  queen.cut();
  await eventually("another connection", () => queen.tokens.length === 2);
  await eventually("a heartbeat on it", () => queen.told[1]);
  expect(queen.told[1]?.workers).toHaveLength(1);
  await eventually("an accepted hive", () => hives[0]?.isAccepted);
});

test("a fleet that stops says goodbye, and leaves no server behind", async () => {
  const queen = await aQueen();
  const fleet = await aFleet(queen, { hives: 2, workers: 2 });
  const url = fleet.workers[0]?.url as string;
  await fleet.stop();
  await eventually("both goodbyes", () => queen.told.filter(({ goodbye }) => goodbye === true).length === 2);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

test("a hive may also fall silent without a word, as when its power fails", async () => {
  const queen = await aQueen();
  const { hives } = await aFleet(queen, { hives: 1, workers: 1 });
  await hives[0]?.stop({ goodbye: false });
  expect(queen.told.some(({ goodbye }) => goodbye === true)).toBe(false);
});

test("more than a fleet may have is refused before anything is started", async () => {
  const queen = await aQueen();
  const starting = (hives: number, workers: number) => startFakeFleet({ queenUrl: queen.url, hives, workers });
  for (const [hives, workers] of [
    [1_001, 1],
    [1, 1_025],
    [100, 100],
  ] as const) {
    await expect(starting(hives, workers)).rejects.toThrow(HiveError);
  }
  expect(queen.tokens).toEqual([]);
});

test("where no queen answers, the fleet says so and leaves nothing behind", async () => {
  const queen = await aQueen();
  const refusing = await aQueen({ accepted: false, next_heartbeat_ms: 60_000, reason: "stale" });
  const starting = startFakeFleet({ queenUrl: refusing.url, hives: 1, workers: 1, readyLimitMs: 100 });
  await expect(starting).rejects.toMatchObject({
    code: "QUEEN_UNREACHABLE",
    message: expect.stringContaining("stale"),
  });
  const nobody = startFakeFleet({ queenUrl: queen.url.replace(/\d+$/, "1"), hives: 1, workers: 1, readyLimitMs: 100 });
  await expect(nobody).rejects.toMatchObject({
    code: "QUEEN_UNREACHABLE",
    message: expect.stringContaining("REFUSED"),
  });
});

test("an answer that is none of this version's is no reason to end, and is told when the fleet does not get ready", async () => {
  const strange = await aQueen({ hello: "world" });
  await expect(
    startFakeFleet({ queenUrl: strange.url, hives: 1, workers: 1, readyLimitMs: 100 }),
  ).rejects.toMatchObject({ message: expect.stringContaining("not one of this version") });
});
