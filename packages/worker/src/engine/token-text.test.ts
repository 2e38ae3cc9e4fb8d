import fc from "fast-check";
import type { Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import { TokenText } from "./token-text.ts";

/** A model whose tokens are single bytes. */
const bytes = {
  detokenize: (tokens: readonly Token[]): string => Buffer.from(tokens as readonly number[]).toString("utf8"),
};

test("characters that come byte by byte are shown whole, and nothing is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (sentence) => {
      const text = new TokenText(bytes, []);
      const pieces = [...Buffer.from(sentence)].map((byte) => text.push(byte as Token));
      expect(pieces.join("") + text.end()).toBe(sentence);
      if (!sentence.includes("\uFFFD")) expect(pieces.join("")).not.toContain("\uFFFD");
    }),
  );
});

test("a character that is never finished shows as the replacement character at the end", () => {
  const text = new TokenText(bytes, []);
  const [first, second] = Buffer.from("🐝");
  expect(text.push(first as Token) + text.push(second as Token)).toBe("");
  expect(text.end()).toBe("\uFFFD");
});

test("bytes that are no text are not held back for ever", () => {
  const text = new TokenText(bytes, []);
  const pieces = Array.from({ length: 100 }, () => text.push(0xff as Token));
  expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(4);
});
