import { startFakeFleet } from "@hive-registry/simulation";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { aWorkplace, PROGRAM } from "../support/workplace.ts";

test("a real queen takes a fake fleet for a real one: listed, routed to, answering, and gone at its goodbye", async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen();
  const fleet = await startFakeFleet({ queenUrl: queen.url, hives: 3, workers: 2, models: ["a", "b"] });
  onTestFinished(() => fleet.stop());

  expect((await queen.client.listHives()).map(({ hive_id, status }) => [hive_id, status]).toSorted()).toEqual([
    ...[
      ["sim-1", "alive"],
      ["sim-2", "alive"],
      ["sim-3", "alive"],
    ],
  ]);
  const { worker } = await queen.client.route("b");
  const answer = await fetch(`${worker.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "b", messages: [{ role: "user", content: "Who is the queen?" }] }),
  });
  expect(await answer.json()).toMatchObject({ model: "b", choices: [{ finish_reason: "stop" }] });

  await fleet.stop();
  await eventually("three silent hives", async () => (await queen.client.stats()).hives.silent === 3);
  await expect(queen.client.route("b")).rejects.toMatchObject({ code: "NO_WORKER" });
});

test("a worker that is busy is passed over at once, and has its turn again when it is free", async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen();
  const steps: (() => void)[] = [];
  const beforeToken = () => new Promise<void>((resolve) => void steps.push(resolve));
  const fleet = await startFakeFleet({
    ...{ queenUrl: queen.url, hives: 1, workers: 1, worker: { slots: 1, answerTokens: 1, beforeToken } },
  });
  onTestFinished(() => fleet.stop());
  const { worker } = await queen.client.route("fake-model");
  const answer = fetch(`${worker.url}/v1/completions`, { method: "POST", body: '{"prompt":"x"}' });
  await eventually("a queen that knows of it", async () => (await queen.client.stats()).workers.busy === 1);
  await expect(queen.client.route("fake-model")).rejects.toMatchObject({ code: "NO_WORKER" });
  steps[0]?.();
  expect((await answer).status).toBe(200);
  await eventually("a queen that knows of it", async () => (await queen.client.stats()).workers.idle === 1);
});

test("hive simulate brings a fleet and clients to the queen that runs, and Ctrl-C takes them away", async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen();
  const words = ["--queen", queen.url, "simulate", "--hives", "2", "--workers", "2", "--requests", "50"];
  const simulated = workplace.start(PROGRAM.hive, [...words, "--fault", "refuse", "--fault-share", "0.1"]);
  await simulated.says(/Ctrl-C ends it/);
  expect((await queen.client.stats()).workers.total).toBe(4);
  await eventually("requests that failed, and others", async () => {
    const { requests } = await queen.client.stats();
    return requests.completed_total > 20 && requests.failed_total > 0;
  });
  expect(await simulated.end("SIGINT")).toEqual({ code: 0, signal: null });
  expect(simulated.stdout()).toMatch(/said goodbye\. \d+ heartbeats; \d+ requests: \d+ answered/);
  // A place that the queen gave in the very moment of Ctrl-C ends by its own time: nobody is left who knows of it.
  const stats = await eventually("silent hives", async () => {
    const now = await queen.client.stats();
    return now.hives.silent === 2 && now;
  });
  expect(stats.hives.alive).toBe(0);
}, 120_000);

test("hive simulate compare prints its table without any queen, and the same JSON for the same seed", async () => {
  const workplace = aWorkplace();
  const words = ["simulate", "compare", "--requests", "500", "--load", "0.7", "--way", "best", "--way", "random"];
  const table = await workplace.hive(...words);
  expect(table).toMatchObject({ code: 0, stdout: expect.stringMatching(/^best .*\nrandom .*\ncentral /m) });
  const [one, other] = [await workplace.hive(...words, "--json"), await workplace.hive(...words, "--json")];
  expect(JSON.parse(one.stdout)).toHaveLength(1);
  expect(other.stdout).toBe(one.stdout);
});

test("hive simulate where no queen runs exits with 3 and says how to start one", async () => {
  const { code, stderr } = await aWorkplace().hive("--queen", "http://127.0.0.1:1", "simulate");
  expect([code, stderr]).toEqual([3, expect.stringContaining("hive up")]);
});
