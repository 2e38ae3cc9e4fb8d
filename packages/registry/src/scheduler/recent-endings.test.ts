import fc from "fast-check";
import { expect, test } from "vitest";
import { REPORT_DELAY_MS, RecentEndings } from "./recent-endings.ts";

test("the endings of a moment ago are counted as a list and a filter would, whatever ends, passes and goes", () => {
  const step = fc.record({
    do: fc.constantFrom("end", "end", "end", "forget"),
    row: fc.nat(3),
    afterMs: fc.constantFrom(0, 0, 1, 70, REPORT_DELAY_MS),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const endings = new RecentEndings();
      let list: { readonly row: number; readonly atMs: number }[] = [];
      let nowMs = 1_000;
      for (const { do: what, row, afterMs } of steps) {
        nowMs += afterMs;
        if (what === "end") {
          endings.add(row, nowMs);
          list.push({ row, atMs: nowMs });
        } else {
          endings.forget(row);
          list = list.filter((each) => each.row !== row);
        }
        for (let each = 0; each <= 3; each++) {
          const recent = list.filter((one) => one.row === each && one.atMs > nowMs - REPORT_DELAY_MS);
          expect(endings.at(each, nowMs)).toBe(recent.length);
        }
      }
    }),
  );
});

test("of very many endings at once the last thousand are kept", () => {
  const endings = new RecentEndings();
  for (let each = 0; each < 5_000; each++) endings.add(each % 2, 1);
  expect(endings.at(0, 1) + endings.at(1, 1)).toBe(1_024);
  expect(endings.at(0, 1 + REPORT_DELAY_MS)).toBe(0);
});
