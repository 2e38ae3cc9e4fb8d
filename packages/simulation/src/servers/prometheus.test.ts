import { expect, test } from "vitest";
import { prometheus, pythonFloat, sixDigits } from "./prometheus.ts";

test.each([
  [0, "0"],
  [1, "1"],
  [41_822, "41822"],
  [939.302, "939.302"],
  [34.33281, "34.3328"],
  [999_999, "999999"],
  [1_000_000, "1e+06"],
  [3_214_570, "3.21457e+06"],
  [0.00001234, "1.234e-05"],
])("%d is printed with six digits as %s, as C++ does", (value, text) => {
  expect(sixDigits(value)).toBe(text);
});

test.each([
  [0, "0.0"],
  [162, "162.0"],
  [0.28, "0.28"],
  [9.75010481363281e-6, "9.75010481363281e-06"],
  [1e-7, "1e-07"],
])("%d is printed as %s, a float", (value, text) => {
  expect(pythonFloat(value)).toBe(text);
});

test("help and type stand once above the series of one name, and labels are quoted", () => {
  const { body, headers } = prometheus([
    { name: "a", type: "gauge", help: "How much.", labels: { model: 'the "best"', rank: "0" }, value: "1" },
    { name: "a", type: "gauge", help: "How much.", labels: { model: "b", rank: "1" }, value: "2" },
    { name: "b_total", type: "counter", value: "3" },
  ]);
  expect(body).toBe(
    [
      "# HELP a How much.",
      "# TYPE a gauge",
      'a{model="the \\"best\\"",rank="0"} 1',
      'a{model="b",rank="1"} 2',
      "# TYPE b_total counter",
      "b_total 3",
      "",
    ].join("\n"),
  );
  expect(headers).toEqual({ "content-type": "text/plain; version=0.0.4" });
});
