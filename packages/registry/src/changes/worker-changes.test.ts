import { expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { aHeartbeat, aWorker } from "../testing/builders.ts";
import type { WorkerChange } from "./worker-changes.ts";

const aWatchedRegistry = () => {
  const changes: WorkerChange[] = [];
  const registry = new HiveRegistry({ now: () => 1_000 });
  const stop = registry.onWorkerChange((change) => changes.push(change));
  const report = (...workers: Parameters<typeof aWorker>[0][]) =>
    registry.updateHiveState(
      "desk",
      aHeartbeat({ hive_id: "desk", workers: workers.map((worker) => aWorker({ url: "http://x", ...worker })) }),
    );
  return { registry, report, stop, news: () => changes.splice(0) };
};

test("who listens is told which workers came, changed their state, and went", () => {
  const { report, news } = aWatchedRegistry();
  report({ worker_id: "a", model_id: "m", state: "Loading" }, { worker_id: "b" });
  expect(news()).toMatchObject([
    { kind: "added", hive_id: "desk", worker_id: "a", model_id: "m", state: "Loading", at_ms: 1_000 },
    { kind: "added", worker_id: "b" },
  ]);
  report({ worker_id: "a", model_id: "m", state: "Idle" }, { worker_id: "b" });
  expect(news()).toMatchObject([{ kind: "state", worker_id: "a", from: "Loading", to: "Idle" }]);
  report({ worker_id: "b" });
  expect(news()).toMatchObject([{ kind: "removed", worker_id: "a", reason: "unlisted" }]);
});

test("workers that go with their hive say so", () => {
  const { registry, report, news } = aWatchedRegistry();
  report({ worker_id: "a" });
  news();
  registry.removeHive("desk");
  expect(news()).toMatchObject([{ kind: "removed", worker_id: "a", reason: "hive" }]);
});

test("a worker that fails a request is told once for each pause, and once that it works again", () => {
  let nowMs = 1_000;
  const changes: string[] = [];
  const registry = new HiveRegistry({ now: () => nowMs });
  registry.onWorkerChange(({ kind }) => changes.push(kind));
  const workers = [aWorker({ worker_id: "a", url: "http://x", model_id: "m", slots_total: 2 })];
  registry.updateHiveState("desk", aHeartbeat({ hive_id: "desk", workers }), { receivedAtMs: nowMs });
  const [first, second] = [registry.reserve({ model: "m" }), registry.reserve({ model: "m" })];
  first?.release("error");
  second?.release("error");
  expect(changes).toEqual(["added", "failed"]);
  nowMs += 1_000;
  registry.reserve({ model: "m" })?.release("ok");
  expect(changes).toEqual(["added", "failed", "recovered"]);
});

test("nothing is noted while nobody listens", () => {
  const { report, stop, news } = aWatchedRegistry();
  stop();
  report({ worker_id: "a" });
  expect(news()).toEqual([]);
});
