import fc from "fast-check";
import { expect, test } from "vitest";
import { StopStrings } from "./stop-strings.ts";

/** The rule word for word: letter by letter, until one of the stop strings stands at the end. */
function naive(text: string, stops: readonly string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const seen = text.slice(0, end);
    const hit = stops.filter((stop) => seen.endsWith(stop)).sort((a, b) => b.length - a.length)[0];
    if (hit !== undefined) return seen.slice(0, -hit.length);
  }
  return text;
}

function inPieces(pieces: readonly string[], stops: readonly string[]): string {
  const filter = new StopStrings(stops);
  let shown = "";
  for (const piece of pieces) {
    const { text, stopped } = filter.push(piece);
    shown += text;
    if (stopped) return shown;
  }
  return shown + filter.end();
}

const aWord = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 });

test("however the text is cut into pieces, it ends before the first stop string", () => {
  fc.assert(
    fc.property(fc.array(aWord, { maxLength: 12 }), fc.array(aWord, { maxLength: 4 }), (pieces, stops) => {
      expect(inPieces(pieces, stops)).toBe(naive(pieces.join(""), stops));
    }),
    { numRuns: 2_000 },
  );
});

test("what may begin a stop string is held back until it is settled, and no longer", () => {
  const filter = new StopStrings(["END"]);
  expect(filter.push("the E")).toEqual({ text: "the ", stopped: false });
  expect(filter.push("N")).toEqual({ text: "", stopped: false });
  expect(filter.push("vy")).toEqual({ text: "ENvy", stopped: false });
  expect(filter.push(" EN")).toEqual({ text: " ", stopped: false });
  expect(filter.push("D of it")).toEqual({ text: "", stopped: true });
});

test("without stop strings nothing is ever held back", () => {
  expect(new StopStrings([]).push("all of it")).toEqual({ text: "all of it", stopped: false });
});
