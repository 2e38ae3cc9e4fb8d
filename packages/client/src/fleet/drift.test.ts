import type { ServerResponse } from "node:http";
import { describe, onTestFinished, test } from "vitest";
import { aQueen, type TestQueen } from "../testing/queen.ts";
import { sendJson, until } from "../testing/server.ts";
import { aWorker, startStream, type TestWorker } from "../testing/worker.ts";
import { connect, type Fleet, type FleetOptions } from "./fleet.ts";

/** So many requests must have reached a worker; those that found no place count for nothing. */
const ASKED = 2_000;
const AT_ONCE = 48;
const WORKERS = 16;

/** The same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** A worker that does, at random, what workers do on their worst day. */
function anUnreliableWorker(name: string, random: () => number): Promise<TestWorker> {
  const big = "x".repeat(40_000);
  const ways: readonly (readonly [share: number, (response: ServerResponse) => void])[] = [
    [0.5, (response) => sendJson(response, { text: name })],
    [0.1, (response) => sendJson(response, { error: { message: "a defect" } }, 500)],
    [
      0.2,
      (response) => {
        startStream(response, [name, big, big, big]);
        setTimeout(() => response.end(), 2);
      },
    ],
    [0.05, (response) => sendJson(response, { error: { message: "full" } }, 503)],
    [0.05, (response) => response.socket?.resetAndDestroy()],
    [
      0.05,
      (response) => {
        startStream(response, [name]);
        setTimeout(() => response.socket?.resetAndDestroy(), 2);
      },
    ],
    // It hangs: the client's own limit ends it.
    [0.05, () => undefined],
  ];
  return aWorker(name, (response) => {
    let rest = random();
    for (const [share, answer] of ways) {
      rest -= share;
      if (rest < 0) return answer(response);
    }
  });
}

/** Sends one request and ends it in one of the ways in which callers end requests. */
async function ask(fleet: Fleet, random: () => number): Promise<void> {
  const leaving = new AbortController();
  const way = Math.floor(random() * 6);
  const timer = way === 0 ? setTimeout(() => leaving.abort(), random() * 20) : undefined;
  try {
    const body = JSON.stringify({ model: "m" });
    const response = await fleet.fetch("/v1/chat/completions", { method: "POST", body, signal: leaving.signal });
    if (way === 1) await response.body?.cancel();
    else if (way === 2) {
      await response.body?.getReader().read();
      leaving.abort();
    } else if (way === 3) leaving.abort();
    else await response.text();
  } catch {
    // Aborts and broken streams are what this is about.
  } finally {
    clearTimeout(timer);
  }
}

/** Heartbeats, workers that go and come back, hives that are removed, and a queen that is not always there. */
function churn(
  queen: TestQueen,
  workers: readonly TestWorker[],
  options: { readonly random: () => number; readonly remembers: boolean },
): () => Promise<void> {
  const { random, remembers } = options;
  let isOver = false;
  const beat = (hive: number) => {
    const some = workers.filter((_, at) => at % 2 === hive && random() > 0.1);
    queen.beat(
      `hive-${hive}`,
      some.map((worker) => worker.info({ slots_total: 4, slots_busy: Math.floor(random() * 3) })),
    );
  };
  const run = async () => {
    for (let turn = 0; !isOver; turn++) {
      beat(turn % 2);
      if (random() < 0.05) queen.registry.removeHive(`hive-${turn % 2}`);
      if (random() < 0.01) {
        await queen.leave();
        await new Promise((resolve) => setTimeout(resolve, 5));
        await queen.comeBack({ remembers: remembers && random() < 0.5 });
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
  };
}

describe("after thousands of requests with aborts, deaths, timeouts and heartbeats in between", {
  timeout: 120_000,
}, () => {
  test.each([
    ["local", 1],
    ["queen", 2],
  ] as const)("no place is left taken, with places from %s", async (coordination, seed) => {
    const random = randomFrom(seed);
    const queen = await aQueen();
    const workers = await Promise.all(Array.from({ length: WORKERS }, (_, at) => anUnreliableWorker(`w${at}`, random)));
    // What she had promised when the line broke is lost; a queen that remembers it has her own limit of time for that.
    const stop = churn(queen, workers, { random, remembers: coordination === "local" });
    onTestFinished(stop);
    const options: FleetOptions = { coordination, headMs: 25, waitMs: 50, backoff: { firstMs: 1, maxMs: 5 } };
    const fleet = connect(queen.url, options);
    onTestFinished(() => fleet.close());
    await fleet.ready;

    const asked = () => workers.reduce((sum, { seen }) => sum + seen.length, 0);
    const asker = async () => {
      while (asked() < ASKED) await ask(fleet, random);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, asker));
    await stop();
    await until("the client holds no place", () => fleet.registry.reservationCount() === 0);
    await fleet.close();
    await until("the queen holds no place", () => queen.registry.reservationCount() === 0);
  });
});
