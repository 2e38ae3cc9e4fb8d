import { expect, test } from "vitest";
import { repeat, within } from "./clock.ts";
import { FakeClock } from "./testing/fake-clock.ts";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is repeated is never done twice at once, and not after its end", async () => {
  const clock = new FakeClock();
  let begun = 0;
  let finish: () => void = () => {};
  const end = repeat(clock, { firstMs: 100, periodMs: 1_000 }, () => {
    begun++;
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  clock.advance(100);
  clock.advance(10_000);
  expect(begun).toBe(1);
  finish();
  await settle();
  clock.advance(1_000);
  expect(begun).toBe(2);
  end();
  finish();
  await settle();
  clock.advance(10_000);
  expect(begun).toBe(2);
});

test("what comes in time is given, what is late is undefined", async () => {
  const clock = new FakeClock();
  expect(await within(clock, 100, Promise.resolve("here"))).toBe("here");
  const late = within(clock, 100, new Promise<string>(() => {}));
  clock.advance(100);
  expect(await late).toBeUndefined();
  await expect(within(clock, 100, Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(clock.nextInMs()).toBeUndefined();
});
