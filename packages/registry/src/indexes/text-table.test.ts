import fc from "fast-check";
import { expect, test } from "vitest";
import { TextTable } from "./text-table.ts";

test("a table of texts answers as a Map does, whatever came, changed and went", () => {
  const text = fc.oneof(
    fc.constantFrom("", "__proto__", "a", "b", "ä", "🐝"),
    fc.integer({ min: 0, max: 60 }).map(String),
  );
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("set" as const), text }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), text }) },
  );
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300, size: "max" }), (seed, steps) => {
      const texts: string[] = [];
      const table = new TextTable((number) => texts[number] as string, seed);
      const map = new Map<string, number>();
      const free = Array.from({ length: 400 }, (_, at) => at);
      for (const each of steps) {
        const known = map.get(each.text);
        if (each.do === "delete") {
          expect(table.delete(each.text)).toBe(map.delete(each.text));
        } else {
          const number = free.pop() as number;
          texts[number] = each.text;
          table.set(each.text, number);
          map.set(each.text, number);
        }
        if (known !== undefined) free.unshift(known);
        expect(table.size).toBe(map.size);
        expect(table.get(each.text)).toBe(map.get(each.text) ?? -1);
      }
      for (const [known, number] of map) expect(table.get(known)).toBe(number);
      expect(table.get("nobody")).toBe(-1);
    }),
    { numRuns: 300 },
  );
});

test("of many texts all are found, and when some go so are those that are left", () => {
  const texts = Array.from({ length: 20_000 }, (_, at) => `worker-${at}`);
  const table = new TextTable((number) => texts[number] as string, 1);
  for (const [at, text] of texts.entries()) table.set(text, at);
  for (let at = 0; at < texts.length; at += 3) table.delete(texts[at] as string);
  for (const [at, text] of texts.entries()) expect(table.get(text)).toBe(at % 3 === 0 ? -1 : at);
});
