import { expect, test } from "vitest";
import { COUNTED_MODELS_MAX, ModelCounts, OTHER_MODELS } from "./model-counts.ts";

const seen = (model: string, more: object = {}) => ({
  ...{ model, isServed: true, failed: false, queue_wait_ms: 0, input_tokens: 1, output_tokens: 2 },
  ...more,
});

test("requests are counted by model, with what they cost and waited", () => {
  const counts = new ModelCounts();
  counts.add(seen("a", { queue_wait_ms: 250 }));
  counts.add({ model: "a", isServed: true, failed: true, queue_wait_ms: 0 });
  expect([...counts.entries()]).toEqual([
    ["a", { requests: 2, failed: 1, input_tokens: 1, output_tokens: 2, queue_wait_ms: 250 }],
  ]);
});

test("names that clients think up, and models beyond the first ones, are counted together; none is counted twice", () => {
  const counts = new ModelCounts();
  counts.add(seen("thought-up", { isServed: false }));
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < COUNTED_MODELS_MAX + 5; at++) counts.add(seen(`m${at}`));
  }
  const all = new Map(counts.entries());
  expect(all.size).toBe(COUNTED_MODELS_MAX);
  expect(all.get("m0")?.requests).toBe(2);
  expect(all.has("thought-up")).toBe(false);
  expect(all.get(OTHER_MODELS)?.requests).toBe(1 + 2 * 6);
  expect([...all.values()].reduce((sum, { requests }) => sum + requests, 0)).toBe(1 + 2 * (COUNTED_MODELS_MAX + 5));
});
