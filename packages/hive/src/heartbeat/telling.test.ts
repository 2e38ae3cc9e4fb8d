import { expect, test } from "vitest";
import { withinBytes } from "./telling.ts";
import { aReport, aWorker } from "./testing/a-link.ts";

const payload = (workers: ReturnType<typeof aWorker>[]) => ({
  ...aReport({ workers }),
  timestamp: "2026-11-01T00:00:00Z",
});

test("a heartbeat that fits travels whole", () => {
  const whole = payload([aWorker({ models: ["a", "b"] })]);
  expect(withinBytes(whole)).toBe(JSON.stringify(whole));
});

test("one that local programs made too large loses their lists of models, then the last workers, and still fits", () => {
  const models = Array.from({ length: 1_000 }, (_, at) => `model-${at}-${"ü".repeat(100)}`);
  const listed = payload(Array.from({ length: 100 }, (_, at) => aWorker({ worker_id: `w${at}`, models })));
  const slim = JSON.parse(withinBytes(listed)) as typeof listed;
  expect(slim.workers).toHaveLength(100);
  expect(slim.workers[0]).not.toHaveProperty("models");

  const url = `http://x/${"y".repeat(2_000)}`;
  const many = payload(Array.from({ length: 1_000 }, (_, at) => aWorker({ worker_id: `w${at}`, url })));
  const text = withinBytes(many);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_048_576);
  const left = (JSON.parse(text) as typeof many).workers;
  expect(left.length).toBeGreaterThan(300);
  expect(left[0]?.worker_id).toBe("w0");
});
