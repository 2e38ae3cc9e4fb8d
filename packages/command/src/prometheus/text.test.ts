import { expect, test } from "vitest";
import { by, type Family, one } from "./family.ts";
import { Histogram } from "./histogram.ts";
import { PROCESS_FAMILIES, readProcess } from "./process.ts";
import { metricsPage } from "./text.ts";

const gauge = (read: () => ReturnType<typeof one>): Family<undefined> => ({
  ...{ name: "a_seconds", kind: "gauge", labels: [], help: "Some time." },
  read,
});

test("a page has each family's help, its kind and its samples", () => {
  expect(metricsPage([gauge(() => one(1.5)), gauge(() => by("of", { x: 1, y: 2 }))], undefined)).toBe(
    [
      ...["# HELP a_seconds Some time.", "# TYPE a_seconds gauge", "a_seconds 1.5"],
      ...["# HELP a_seconds Some time.", "# TYPE a_seconds gauge", 'a_seconds{of="x"} 1', 'a_seconds{of="y"} 2', ""],
    ].join("\n"),
  );
});

test("what is not known is left out, and with its last sample the family", () => {
  expect(metricsPage([gauge(() => one(null)), gauge(() => one(undefined)), gauge(() => [])], undefined)).toBe("");
});

test("labels may hold anything, and numbers are spelled as Prometheus spells them", () => {
  const lines = (labels: Record<string, string>, value: number): string =>
    metricsPage([gauge(() => [{ labels, value }])], undefined).split("\n")[2] as string;
  expect(lines({ of: 'a"b\\c\nd' }, 1)).toBe('a_seconds{of="a\\"b\\\\c\\nd"} 1');
  expect(lines({}, Number.POSITIVE_INFINITY)).toBe("a_seconds +Inf");
  expect(lines({}, Number.NEGATIVE_INFINITY)).toBe("a_seconds -Inf");
  expect(lines({}, Number.NaN)).toBe("a_seconds NaN");
});

test("a histogram counts what is not above each bound, all of it, and the sum", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 9]) histogram.observe(value);
  const family: Family<Histogram> = {
    ...{ name: "a_seconds", kind: "histogram", labels: ["of"], help: "" },
    read: (source) => [source.read({ of: "x" })],
  };
  expect(metricsPage([family], histogram).split("\n").slice(2)).toEqual([
    'a_seconds_bucket{of="x",le="1"} 2',
    'a_seconds_bucket{of="x",le="2"} 3',
    'a_seconds_bucket{of="x",le="+Inf"} 4',
    'a_seconds_sum{of="x"} 12',
    'a_seconds_count{of="x"} 4',
    "",
  ]);
});

test("of the process the CPU, the memory and how late it is are told", () => {
  readProcess();
  const page = metricsPage(PROCESS_FAMILIES, readProcess());
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds"])
    expect(page).toMatch(new RegExp(`^${name} [\\d.e-]+$`, "m"));
});
