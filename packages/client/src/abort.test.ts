import { expect, test } from "vitest";
import { onAbort } from "./abort.ts";

test("everybody who asked is called once, in order, but not who took it back", () => {
  const aborting = new AbortController();
  const called: string[] = [];
  onAbort(aborting.signal, () => called.push("a"));
  const takeBack = onAbort(aborting.signal, () => called.push("b"));
  onAbort(aborting.signal, () => called.push("c"));
  takeBack();
  aborting.abort();
  aborting.abort();
  expect(called).toEqual(["a", "c"]);
});

test("an aborted signal calls at once, and without a signal nobody is called", () => {
  let calls = 0;
  onAbort(AbortSignal.abort(), () => calls++)();
  onAbort(undefined, () => calls++)();
  expect(calls).toBe(1);
});

test("a signal that many share has one listener", () => {
  const { signal } = new AbortController();
  let added = 0;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    added++;
    add(...args);
  };
  for (let at = 0; at < 100; at++) onAbort(signal, () => undefined);
  expect(added).toBe(1);
});
