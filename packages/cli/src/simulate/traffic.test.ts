import type { ReservationReply } from "@hive-registry/client";
import { type FakeWorkerOptions, startFakeWorker } from "@hive-registry/simulation";
import { expect, onTestFinished, test } from "vitest";
import { OPEN_MAX, startTraffic, type Traffic } from "./traffic.ts";

/** A queen that always has a place at the one worker, and clients that ask her. */
async function aStory(options: FakeWorkerOptions, { hasPlace = true, perSecond = 200 } = {}) {
  const worker = await startFakeWorker({ slots: 2_000, ...options });
  onTestFinished(() => worker.stop());
  const released: unknown[] = [];
  let places = 0;
  const client = {
    reserve: async (): Promise<ReservationReply> => {
      if (!hasPlace) throw new Error("no worker has room");
      const reservation_id = `r-${++places}`;
      return { reservation_id, hive_id: "h", model: "m", worker: worker.info(), expires_at_ms: 0 } as ReservationReply;
    },
    release: async (_id: string, outcome?: string) => void released.push(outcome),
  };
  const traffic: Traffic = startTraffic({ client, fetch }, { models: ["m"], perSecond, seed: 1 });
  onTestFinished(() => traffic.stop());
  const until = async (isThere: () => boolean) => {
    const endMs = performance.now() + 20_000;
    while (!isThere()) {
      if (performance.now() > endMs) throw new Error(`not seen: ${isThere}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { worker, traffic, released, until };
}

test("each request takes a place, gets its whole answer from the worker, and gives the place back", async () => {
  const { worker, traffic, released, until } = await aStory({});
  await until(() => traffic.counts().answered >= 20);
  await traffic.stop();
  const { sent, answered, failed } = traffic.counts();
  expect(failed).toBe(0);
  expect(answered).toBeLessThanOrEqual(sent);
  expect(released.filter((outcome) => outcome === "ok")).toHaveLength(answered);
  expect(worker.counts().received).toBeGreaterThanOrEqual(answered);
});

test("an answer without its end is a failure, and the queen is told", async () => {
  const { worker, traffic, released, until } = await aStory({});
  worker.setFault({ kind: "die", after_tokens: 3 });
  await until(() => traffic.counts().failed >= 5);
  expect(traffic.counts().answered + traffic.counts().failed).toBeLessThanOrEqual(traffic.counts().sent);
  expect(released).toContain("error");
});

test("who finds no place is counted", async () => {
  const { traffic, until } = await aStory({}, { hasPlace: false });
  await until(() => traffic.counts().unserved >= 5);
  expect(traffic.counts().answered).toBe(0);
});

test("no more than a bounded number is open at once, and at the end what is open is left, which says nothing of the worker", async () => {
  const { worker, traffic, released, until } = await aStory(
    { beforeToken: () => new Promise(() => undefined) },
    { perSecond: 20_000 },
  );
  await until(() => traffic.counts().held_back > 0);
  expect(worker.counts().received).toBeLessThanOrEqual(OPEN_MAX);
  await traffic.stop();
  expect(traffic.counts().failed).toBe(0);
  expect(new Set(released)).toEqual(new Set(["cancelled"]));
});
