import { expect, test } from "vitest";
import { aWorker } from "../fleet-data/testing/a-hive.ts";
import { placeText, slotsText } from "./worker-load.ts";

test("slots are told with who waits, and not at all where the worker does not tell", () => {
  expect(slotsText(aWorker())).toBe("–");
  expect(slotsText(aWorker({ slots_total: 4 }))).toBe("0 of 4");
  expect(slotsText(aWorker({ slots_total: 4, slots_busy: 4, queue_depth: 2 }))).toBe("4 of 4 + 2 waiting");
  expect(slotsText(aWorker({ slots_busy: 3, queue_depth: 0 }))).toBe("3");
});

test("where it computes is told as far as it is known", () => {
  expect(placeText(aWorker({ backend: "cuda", device_id: 1 }))).toBe("cuda 1");
  expect(placeText(aWorker({ backend: "cpu" }))).toBe("cpu");
  expect(placeText(aWorker())).toBe("–");
});
