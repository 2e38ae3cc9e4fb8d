import fc from "fast-check";
import { expect, test } from "vitest";
import { NumberSet } from "./number-set.ts";

test("a set of numbers lists, in order, what was put in and not taken out", () => {
  const number = fc.oneof(fc.nat(70), fc.nat(5_000), fc.constantFrom(31, 32, 1_023, 1_024, 32_767, 32_768, 100_000));
  const step = fc.record({ do: fc.constantFrom("add" as const, "delete" as const), number });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const numbers = new NumberSet();
      const set = new Set<number>();
      for (const each of steps) {
        numbers[each.do](each.number);
        set[each.do](each.number);
      }
      expect([...numbers.values()]).toEqual([...set].sort((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});
