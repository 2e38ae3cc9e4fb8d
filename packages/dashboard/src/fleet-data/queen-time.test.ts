import { expect, test } from "vitest";
import { QueenTime } from "./queen-time.ts";

test("the queen's time is known as well as her quickest message", () => {
  let localMs = 1_000;
  const time = new QueenTime(() => localMs);
  // An hour ahead of this machine; messages take 300, 20 and 500 ms.
  for (const delayMs of [300, 20, 500]) {
    time.heard(localMs + 3_600_000 - delayMs, { anew: false });
    localMs += 1_000;
  }
  expect(time.nowMs()).toBe(localMs + 3_600_000 - 20);
});

test("after a snapshot what was known before does not count: this machine slept, or it is another queen", () => {
  const time = new QueenTime(() => 1_000);
  time.heard(9_000_000, { anew: true });
  time.heard(5_000_000, { anew: true });
  expect(time.nowMs()).toBe(5_000_000);
});

test("before anything was heard this machine's own clock has to do", () => {
  expect(new QueenTime(() => 42).nowMs()).toBe(42);
});
