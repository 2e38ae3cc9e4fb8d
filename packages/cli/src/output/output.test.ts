import { describe, expect, test } from "vitest";
import { COLOURED, choosePaint, PLAIN } from "./paint.ts";
import { startProgress } from "./progress.ts";
import { type Column, table } from "./table.ts";
import { displayWidth, harmless, oneLine, truncate } from "./text.ts";
import { bytes, duration, gigabytes, percent } from "./units.ts";

interface Row {
  readonly name: string;
  readonly size: number | undefined;
  readonly url?: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", value: (row) => row.name, shrinks: true },
  { title: "SIZE", align: "right", value: (row) => row.size },
  { title: "URL", value: (row) => row.url, shrinks: true },
];

describe("tables", () => {
  test("columns are aligned, numbers to the right, and what is unknown is a dash", () => {
    const rows = [
      { name: "a", size: 7, url: "http://x" },
      { name: "longer", size: 1234 },
      { name: "b", size: undefined },
    ];
    expect(table(rows, COLUMNS).split("\n")).toEqual([
      "NAME    SIZE  URL",
      "a          7  http://x",
      "longer  1234  -",
      "b          -  -",
    ]);
  });

  test("a narrow terminal cuts the rightmost column that may be cut first; a pipe cuts nothing", () => {
    const rows = [{ name: "worker-number-one", size: 1, url: "http://192.168.100.200:9300" }];
    const lines = table(rows, COLUMNS, { paint: PLAIN, width: 40 }).split("\n");
    expect(lines[1]).toBe("worker-number-one     1  http://192.168…");
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(40);
    expect(table(rows, COLUMNS)).toContain("http://192.168.100.200:9300");
  });

  test("a terminal too narrow for anything still shows the beginning of each cell", () => {
    const rows = [{ name: "worker-number-one", size: 1, url: "http://192.168.100.200:9300" }];
    expect(table(rows, COLUMNS, { paint: PLAIN, width: 5 }).split("\n")[1]).toBe("worker-…     1  http://…");
  });

  test("wide characters take two cells, and colour none", () => {
    const rows = [
      { name: "模型", size: 1 },
      { name: "ab", size: 2 },
    ];
    const painted: Column<Row>[] = [{ ...COLUMNS[0]!, paint: (text, _, paint) => paint.red(text) }, COLUMNS[1]!];
    const lines = table(rows, painted, { paint: COLOURED, width: undefined }).split("\n");
    const plain = lines.map((line) => stripped(line));
    expect(plain).toEqual(["NAME  SIZE", "模型     1", "ab       2"]);
    expect(lines[1]).toContain("\u001B[31m模型\u001B[39m");
  });

  test("nothing that comes from the network can steer the terminal", () => {
    const text = table([{ name: "x\u001B[2J\ny", size: 1 }], COLUMNS);
    expect(text).not.toContain("\u001B");
    expect(text.split("\n")).toHaveLength(2);
  });
});

const stripped = (line: string): string =>
  line
    .split("\u001B")
    .map((part, at) => (at === 0 ? part : part.replace(/^\[\d+m/, "")))
    .join("");

describe("text and numbers", () => {
  test("control characters are taken out; answers keep their lines, ids become one", () => {
    expect(oneLine("a\r\nb\tc\u0007")).toBe("a b c\uFFFD");
    expect(harmless("a\n\tb\u001B[31m\r")).toBe("a\n\tb\uFFFD[31m");
    for (const text of ["naïve 模型 🐝", "👩‍💻", "می‌خواهم"]) expect(harmless(text)).toBe(text);
  });

  test("truncation never cuts a wide character in half", () => {
    expect(truncate("模型模型", 5)).toBe("模型…");
    expect(truncate("short", 5)).toBe("short");
  });

  test("units are decimal, and unknown stays unknown", () => {
    expect([bytes(512), bytes(8.1e6), bytes(25.3e9), bytes(undefined), bytes(null)]).toEqual([
      "1 kB",
      "8 MB",
      "25.3 GB",
      undefined,
      undefined,
    ]);
    expect([gigabytes(0), gigabytes(143.6), gigabytes(undefined)]).toEqual(["0.0 GB", "144 GB", undefined]);
    expect([percent(0), percent(99.6), percent(null)]).toEqual(["0 %", "100 %", undefined]);
  });

  test("ages are in their largest unit; a clock that runs ahead counts as now", () => {
    expect([-5_000, 59_999, 60_000, 7_200_000, 86_400_000 * 3].map(duration)).toEqual([
      "0 s",
      "59 s",
      "1 min",
      "2 h",
      "3 d",
    ]);
  });
});

describe("colour and progress", () => {
  test("there is colour on a terminal only, and never with NO_COLOR or on a dumb one", () => {
    expect(choosePaint(true, {})).toBe(COLOURED);
    expect(choosePaint(false, {})).toBe(PLAIN);
    expect(choosePaint(true, { NO_COLOR: "1" })).toBe(PLAIN);
    expect(choosePaint(true, { TERM: "dumb" })).toBe(PLAIN);
  });

  test("without a terminal only lines that stay are written, each with the time", () => {
    let nowMs = 0;
    const lines: string[] = [];
    const progress = startProgress({
      paint: PLAIN,
      nowMs: () => nowMs,
      print: (line) => lines.push(line),
      draw: undefined,
    });
    progress.waiting("for something");
    nowMs = 1_250;
    progress.done("it is there");
    progress.failed("it is gone");
    progress.end();
    expect(lines).toEqual(["✓ it is there (1.3 s)", "✗ it is gone (1.3 s)"]);
  });
});
