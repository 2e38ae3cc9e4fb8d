import { expect, test } from "vitest";
import { chartText, hasValues } from "./chart-text.ts";

const read = (value: number) => `${value} ms`;

test("a chart in words tells of each line where it stands and between what it moved", () => {
  const lines = [
    { name: "interval", values: [null, 5000, 4800, 5200, null] },
    { name: "jitter", values: [null, null] },
  ];
  expect(chartText(lines, read)).toBe("interval: now 5200 ms, from 4800 ms to 5200 ms; jitter: nothing known");
});

test("lines without any value are nothing to draw", () => {
  expect(hasValues([{ name: "a", values: [null, null] }])).toBe(false);
  expect(hasValues([{ name: "a", values: [null, 0] }])).toBe(true);
});
