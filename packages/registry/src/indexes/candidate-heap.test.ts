import fc from "fast-check";
import { expect, test } from "vitest";
import { CandidateHeap } from "./candidate-heap.ts";
import { intAt, Records } from "./records.ts";

test("the heap's first is what sorting would put first, whatever came, changed and went", () => {
  const item = fc.nat(40);
  const key = fc.record({ score: fc.constantFrom(0, 1, 1.5, 100), tie: fc.nat(3) });
  const step = fc.oneof(
    fc.record({ do: fc.constant("put" as const), item, key }),
    fc.record({ do: fc.constant("take" as const), item }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const records = new Records();
      for (let each = 0; each <= 40; each++) records.ints[intAt(records.add(), 3)] = -1;
      const heap = new CandidateHeap({ records, field: 3 });
      const naive = new Map<number, { score: number; tie: number }>();
      for (const each of steps) {
        if (each.do === "take") {
          if (naive.delete(each.item)) heap.remove(each.item);
        } else {
          const { score, tie } = each.key;
          if (naive.has(each.item)) heap.update(each.item, score, tie);
          else heap.add(each.item, score, tie);
          naive.set(each.item, { score, tie });
        }
        const best = [...naive.values()].sort((a, b) => a.score - b.score || a.tie - b.tie)[0];
        expect(heap.size).toBe(naive.size);
        expect(naive.get(heap.first)).toEqual(best);
        expect([heap.firstScore, heap.firstTie]).toEqual(
          best === undefined ? [Infinity, Infinity] : [best.score, best.tie],
        );
      }
    }),
  );
});
