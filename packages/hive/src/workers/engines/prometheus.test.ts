import fc from "fast-check";
import { expect, test } from "vitest";
import { METRICS_CHARS_MAX, readMetrics, SERIES_MAX } from "./prometheus.ts";

const NAME = "vllm:num_requests_running";
const read = (text: string) => readMetrics(text, [NAME]);

test("a metric is summed, or its largest taken, over all its label sets", () => {
  const text = [
    "# HELP vllm:num_requests_running Number of requests in model execution batches.",
    "# TYPE vllm:num_requests_running gauge",
    'vllm:num_requests_running{engine="0",model_name="a"} 3.0',
    'vllm:num_requests_running{engine="1",model_name="a"} 1.5e+01',
    'vllm:num_requests_waiting{engine="0",model_name="a"} 7.0',
    "",
  ].join("\n");
  expect(read(text)?.sum(NAME)).toBe(18);
  expect(read(text)?.max(NAME)).toBe(15);
  expect(readMetrics(text, [NAME, "vllm:num_requests_waiting"])?.sum("vllm:num_requests_waiting")).toBe(7);
});

test("one that is not there is null, not 0", () => {
  expect(read("vllm:num_requests_waiting 3\n")?.sum(NAME)).toBeNull();
  expect(read("vllm:num_requests_running_by_reason 3\n")?.sum(NAME)).toBeNull();
  expect(read("")?.max(NAME)).toBeNull();
  expect(read("<!doctype html><h1>vllm:num_requests_running 3</h1>")?.sum(NAME)).toBeNull();
});

test("a name that begins as another does is not taken for it", () => {
  const metrics = readMetrics("load 1\nload_total 2\nload_total_now 4\n", ["load", "load_total"]);
  expect([metrics?.sum("load"), metrics?.sum("load_total")]).toEqual([1, 2]);
});

test("labels may hold commas, spaces, braces and quotes", () => {
  const text = String.raw`vllm:num_requests_running{reason="capacity, and \"more\" {1}",path="C:\\x"} 4`;
  expect(read(text)?.series(NAME)).toEqual([
    { labels: { reason: 'capacity, and "more" {1}', path: "C:\\x" }, value: 4 },
  ]);
});

test("the last line counts without its end, and Windows' ends of lines do no harm", () => {
  expect(read(`${NAME} 1\n${NAME}{a="b"} 2`)?.sum(NAME)).toBe(3);
  expect(read(`${NAME} 1\r\n${NAME}{a="b"} 2\r\n`)?.sum(NAME)).toBe(3);
  expect(read(`${NAME}\t5 1395066363000\n`)?.sum(NAME)).toBe(5);
});

test("series with the same labels are not taken for one", () => {
  expect(read(`${NAME} 1\n${NAME} 2\n`)?.sum(NAME)).toBe(3);
});

test.each(["NaN", "+Inf", "-Inf", "", "three"])("a series that says %j makes the whole unknown", (value) => {
  expect(read(`${NAME}{a="1"} 1\n${NAME}{a="2"} ${value}\n`)?.sum(NAME)).toBeNull();
  expect(read(`${NAME}{a="1"} 1\n${NAME}{a="2"} ${value}\n`)?.max(NAME)).toBeNull();
});

test("a line that is wrong makes all of it unknown", () => {
  expect(read(`${NAME}{a=1} 1\n`)).toBeNull();
  expect(read(`${NAME}{a="1"b="2"} 1\n`)).toBeNull();
});

test("what is wrong in other metrics does no harm", () => {
  expect(read(`other{a=1} 1\n${NAME} 2\n`)?.sum(NAME)).toBe(2);
});

test("a text that is too long, or has too many series, is not looked at", () => {
  const long = `${NAME} 1\n`.padEnd(METRICS_CHARS_MAX, "#");
  expect(read(long)?.sum(NAME)).toBe(1);
  expect(read(`${long}#`)).toBeNull();
  const series = (count: number) => Array.from({ length: count }, (_, at) => `${NAME}{engine="${at}"} 1`).join("\n");
  expect(read(series(SERIES_MAX))?.sum(NAME)).toBe(SERIES_MAX);
  expect(read(series(SERIES_MAX + 1))).toBeNull();
});

test("the sum and the largest are those of a plain list, whatever stands between", () => {
  const line = fc.tuple(fc.constantFrom(NAME, "other", `${NAME}_total`), fc.string(), fc.integer({ min: 0, max: 1e6 }));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const quoted = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
      const text = lines.map(([name, label, value]) => `${name}{label="${quoted(label)}"} ${value}`).join("\n");
      const values = lines.filter(([name]) => name === NAME).map(([, , value]) => value);
      expect(read(text)?.sum(NAME)).toBe(values.length === 0 ? null : values.reduce((a, b) => a + b, 0));
      expect(read(text)?.max(NAME)).toBe(values.length === 0 ? null : Math.max(...values));
    }),
  );
});

test("no text makes it fail", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(NAME, `${NAME}{`, `${NAME} `, "# TYPE "), fc.string())), (parts) => {
      const metrics = read(parts.flat().join(""));
      const sum = metrics?.sum(NAME) ?? null;
      expect(sum === null || Number.isFinite(sum)).toBe(true);
    }),
  );
});
