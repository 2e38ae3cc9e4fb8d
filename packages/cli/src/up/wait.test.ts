import { ClientError, type ManagedWorker, type WorkerInfo } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { aHive, aManagedWorker, aWorker } from "../testing/fakes.ts";
import { bounded, hiveJoined, REMARK_MS, type WaitDeps, type WorkerWait, workerReady } from "./wait.ts";

/** Time that only waiting moves. */
function aClock(): WaitDeps & { passed(): number } {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    pause: async (ms) => {
      nowMs += ms;
    },
    passed: () => nowMs,
  };
}

const never = new AbortController().signal;

/** A queen and a hive that see what holds at each moment. */
function aFleet(
  clock: WaitDeps,
  at: { workers?: (ms: number) => WorkerInfo[]; managed?: (ms: number) => ManagedWorker[] },
) {
  const remarks: string[] = [];
  const wait = (more: Partial<WorkerWait> = {}) => ({
    ...{ hiveId: "desk", expected: true, limitMs: 60_000, remark: (text: string) => remarks.push(text) },
    ...more,
  });
  const queen = { hiveWorkers: async () => at.workers?.(clock.nowMs()) ?? [] };
  const hive = { workers: async () => at.managed?.(clock.nowMs()) ?? [] };
  return { remarks, ready: (more?: Partial<WorkerWait>) => workerReady(clock, queen, hive, wait(more), never) };
}

describe("waiting for a worker", () => {
  test("it is ready once the queen has it idle with an address", async () => {
    const clock = aClock();
    const { url: _, ...nowhere } = aWorker();
    const fleet = aFleet(clock, {
      workers: (ms) => (ms < 1_000 ? [aWorker({ state: "Loading" }), nowhere] : [aWorker({ worker_id: "demo" })]),
    });
    expect(await fleet.ready()).toMatchObject({ kind: "ready", model: "llama-3-8b", worker: { worker_id: "demo" } });
    expect(clock.passed()).toBe(1_000);
  });

  test("a failure for good is told at once, with the hive's reason", async () => {
    const error = { code: "MODEL_INVALID", message: "no GGUF" };
    const clock = aClock();
    const fleet = aFleet(clock, {
      managed: (ms) => [aManagedWorker({ phase: ms < 2_000 ? "starting" : "failed", error })],
    });
    expect(await fleet.ready()).toMatchObject({ kind: "failed", workers: [{ error }] });
    expect(clock.passed()).toBeLessThan(3_000);
  });

  test("where none is expected and none is started, nobody waits", async () => {
    const clock = aClock();
    expect(await aFleet(clock, {}).ready({ expected: false })).toEqual({ kind: "none" });
    expect(clock.passed()).toBe(0);
  });

  test("a worker of the hive's own configuration is awaited even if none was asked for", async () => {
    const fleet = aFleet(aClock(), {
      managed: () => [aManagedWorker({ phase: "starting" })],
      workers: (ms) => (ms < 5_000 ? [] : [aWorker()]),
    });
    expect(await fleet.ready({ expected: false })).toMatchObject({ kind: "ready" });
  });

  test("a long wait is explained from time to time, and ends", async () => {
    const clock = aClock();
    const fleet = aFleet(clock, { managed: () => [aManagedWorker({ phase: "starting" })] });
    expect(await fleet.ready({ limitMs: 2 * REMARK_MS + 1_000 })).toMatchObject({ kind: "late" });
    expect(fleet.remarks).toEqual(["w1 is loading its model", "w1 is loading its model"]);
  });

  test("a hive that does not answer for a moment ends nothing", async () => {
    const clock = aClock();
    const queen = { hiveWorkers: async () => (clock.passed() < 500 ? fail("HIVE_NOT_FOUND") : [aWorker()]) };
    const hive = { workers: async () => fail("HIVE_UNREACHABLE") };
    const wait = { hiveId: "desk", expected: true, limitMs: 5_000, remark: () => undefined };
    expect(await workerReady(clock, queen, hive, wait, never)).toMatchObject({ kind: "ready" });
  });
});

const fail = (code: string): Promise<never> => Promise.reject(new ClientError(code, code));

describe("waiting for the hive", () => {
  test("it has joined when the queen has it alive", async () => {
    const clock = aClock();
    const client = {
      listHives: async () => [
        aHive({ hive_id: "other" }),
        aHive({ status: clock.passed() < 200 ? "silent" : "alive" }),
      ],
    };
    expect(await hiveJoined(clock, client, (hive) => hive.hive_id === "desk", never)).toMatchObject({
      hive_id: "desk",
    });
    expect(clock.passed()).toBe(200);
  });

  test("what takes too long is an error that says what was awaited", async () => {
    await expect(
      bounded(aClock(), new Promise(() => undefined), 60_000, "The queen did not get ready"),
    ).rejects.toThrow("The queen did not get ready within 60.0 s.");
    expect(await bounded(aClock(), Promise.resolve(7), 1_000, "never said")).toBe(7);
  });
});
