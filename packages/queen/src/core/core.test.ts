import { expect, test } from "vitest";
import { pageOf } from "./page.ts";
import { Rate } from "./rate.ts";

test("a rate is the mean of the last ten full seconds, and of fewer after the start", () => {
  const rate = new Rate(1_000);
  for (let at = 0; at < 100; at++) rate.add(1_000 + at * 10);
  expect(rate.perSecond(1_999)).toBe(100);
  for (let at = 0; at < 50; at++) rate.add(2_000 + at * 10);
  expect(rate.perSecond(3_000)).toBe(75);
  expect(rate.perSecond(11_999)).toBe(15);
  expect(rate.perSecond(12_000)).toBe(5);
  expect(rate.perSecond(13_000)).toBe(0);
  expect(rate.perSecond(1e12)).toBe(0);
});

test("a page ends where the next one begins, also when nothing more follows", () => {
  const numbers = [1, 2, 3, 4, 5, 6];
  const even = (n: number) => n % 2 === 0;
  expect(pageOf(numbers, even, { limit: 2 })).toEqual({ items: [2, 4], next_cursor: "5" });
  expect(pageOf(numbers, even, { limit: 2, cursor: "5" })).toEqual({ items: [6] });
  expect(pageOf(numbers, even, { limit: 3 })).toEqual({ items: [2, 4, 6] });
  expect(pageOf(numbers, even, { cursor: "999" })).toEqual({ items: [] });
});
