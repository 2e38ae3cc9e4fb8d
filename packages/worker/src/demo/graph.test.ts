import { describe, expect, test } from "vitest";
import { type LanguageGraph, scriptGraph } from "./graph.ts";
import { DEMO_SCRIPT, type Script } from "./script.ts";
import { BOS_ID, buildVocabulary, EOS_ID, ROLE_MARKERS, TOKEN_TYPE } from "./vocabulary.ts";

const vocabulary = buildVocabulary(DEMO_SCRIPT);
const graph = scriptGraph(DEMO_SCRIPT, vocabulary);

/** From a token to the end, always the likeliest next. */
function walk(from: number, { next, otherwise }: LanguageGraph, most: number): number[] {
  const path: number[] = [];
  for (let at = from; at !== EOS_ID && path.length <= most; path.push(at)) {
    at = (next.get(at) ?? otherwise).reduce((best, each) => (each.score > best.score ? each : best)).to;
  }
  return path;
}

describe("the vocabulary", () => {
  test("every token's text is like no other's, or llama.cpp would abort", () => {
    const texts = vocabulary.tokens.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
  });

  test("every byte has a token, so any prompt tokenises", () => {
    expect(vocabulary.tokens.filter(({ type }) => type === TOKEN_TYPE.byte)).toHaveLength(256);
  });

  test("no token stands at two places of the script", () => {
    const { openings, honesty, about, topics, closings } = vocabulary;
    const ids = [...openings, ...honesty, about, ...topics, ...closings].flat();
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("the tokens of a line are the line", () => {
    const textOf = (ids: readonly number[]): string => {
      const bytes = ids.map((id) => {
        const { text, type } = vocabulary.tokens[id]!;
        return type === TOKEN_TYPE.byte ? Buffer.from([Number(text.slice(1, -1))]) : Buffer.from(text);
      });
      return Buffer.concat(bytes).toString("utf8");
    };
    expect(vocabulary.openings.map(textOf)).toEqual(DEMO_SCRIPT.openings);
    expect(vocabulary.closings.map(textOf)).toEqual(DEMO_SCRIPT.closings.map((line) => ` ${line}`));
  });

  test("some word is spoken in bytes, so that characters cut over tokens are always tried", () => {
    const spoken = vocabulary.closings[0]!.map((id) => vocabulary.tokens[id]!.type);
    expect(spoken).toContain(TOKEN_TYPE.byte);
  });

  test("a script whose words cannot be told apart is refused by name", () => {
    const twice: Script = { ...DEMO_SCRIPT, closings: ["Bye.", "Bye."] };
    expect(() => buildVocabulary(twice)).toThrow(/" Bye\." stands twice/);
  });
});

describe("the walk", () => {
  test("from any token at all it reaches the end within 130 tokens", () => {
    for (const id of vocabulary.tokens.keys()) {
      if (id !== EOS_ID) expect(walk(id, graph, 130).at(-1), vocabulary.tokens[id]!.text).toBe(EOS_ID);
    }
  });

  test("a whole answer has 60 to 120 tokens", () => {
    for (const start of [BOS_ID, vocabulary.tokens.findIndex(({ text }) => text === ROLE_MARKERS[2])]) {
      const { length } = walk(start, graph, 200);
      expect(length).toBeGreaterThanOrEqual(60);
      expect(length).toBeLessThanOrEqual(120);
    }
  });

  test("no choice leads back, so it ends whatever is drawn", () => {
    const onPath = new Set<number>();
    const safe = new Set<number>([EOS_ID]);
    const ends = (id: number): boolean => {
      if (safe.has(id)) return true;
      if (onPath.has(id)) return false;
      onPath.add(id);
      const all = (graph.next.get(id) ?? graph.otherwise).every(({ to }) => ends(to));
      onPath.delete(id);
      if (all) safe.add(id);
      return all;
    };
    expect([...graph.next.keys()].every(ends)).toBe(true);
  });
});
