import fc from "fast-check";
import { expect, test } from "vitest";
import { timestampMs, timestampText } from "./timestamp.ts";

test("a time written as ISO text is read and written back letter by letter", () => {
  const time = fc.date({
    min: new Date("0000-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(fc.array(time, { maxLength: 20 }), (times) => {
      for (const each of times) {
        expect(timestampMs(each.toISOString())).toBe(each.getTime());
        expect(timestampText(each.getTime())).toBe(each.toISOString());
      }
    }),
  );
});

test("a text in any other form is none, however near it comes", () => {
  const right = "2026-01-01T12:34:56.789Z";
  expect(timestampMs(right)).toBe(Date.parse(right));
  const others = fc.oneof(
    fc.string(),
    fc.tuple(fc.integer({ min: 0, max: 23 }), fc.string({ minLength: 1, maxLength: 1 })).map(([at, letter]) => {
      return right.slice(0, at) + letter + right.slice(at + 1);
    }),
    fc.constantFrom(
      "2026-01-01T12:34:56Z",
      "2026-01-01T12:34:56.789+00:00",
      "2026-01-01T24:00:00.000Z",
      "2026-02-30T00:00:00.000Z",
      "2026-01-01T12:60:00.000Z",
      "2026-01-01t12:34:56.789z",
    ),
  );
  fc.assert(
    fc.property(others, (text) => {
      const ms = timestampMs(text);
      // What is taken for a time is given back unchanged.
      if (!Number.isNaN(ms)) expect(timestampText(ms)).toBe(text);
      else expect(Number.isNaN(Date.parse(text)) || new Date(text).toISOString() !== text).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
