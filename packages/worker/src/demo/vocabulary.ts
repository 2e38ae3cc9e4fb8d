import type { Script } from "./script.ts";

/** The kinds of token llama.cpp knows, by their numbers in `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 } as const;

export interface VocabularyToken {
  readonly text: string;
  readonly type: number;
  /** Index of the topic that this token brings up when it stands in a prompt. */
  readonly topic?: number;
}

/** A line of the script as token ids, in the order they are spoken. */
export type Line = readonly number[];

export interface Vocabulary {
  readonly tokens: readonly VocabularyToken[];
  readonly openings: readonly Line[];
  readonly honesty: readonly Line[];
  readonly about: Line;
  /** One for each topic, in the script's order. */
  readonly topics: readonly Line[];
  readonly closings: readonly Line[];
}

export const UNKNOWN_ID = 0;
export const BOS_ID = 1;
export const EOS_ID = 2;
export const ROLE_MARKERS: readonly string[] = ["<|system|>", "<|user|>", "<|assistant|>"];
const FIRST_BYTE_ID = 3 + ROLE_MARKERS.length;

/** How many words may grow together until their text is like no other token's. */
const MAX_WORDS_PER_TOKEN = 5;

/**
 * Cuts the script into tokens. What follows a token is looked up by that token alone, so a line is spoken rightly only
 * when no token stands at two places: a word that is taken grows by the words after it until its text is unique
 * (llama.cpp aborts the process when it loads two tokens with one text).
 *
 * Any prompt tokenises: bytes stand in for what is not a token. Characters outside ASCII are spoken as their bytes.
 *
 * @throws TypeError naming the words that cannot be told apart; reword the script then.
 */
export function buildVocabulary(script: Script): Vocabulary {
  const tokens: VocabularyToken[] = [
    { text: "<unk>", type: TOKEN_TYPE.unknown },
    { text: "<s>", type: TOKEN_TYPE.control },
    { text: "</s>", type: TOKEN_TYPE.control },
    ...ROLE_MARKERS.map((text) => ({ text, type: TOKEN_TYPE.control })),
    ...Array.from({ length: 256 }, (_, byte) => ({ text: byteText(byte), type: TOKEN_TYPE.byte })),
    // SentencePiece's sign for a space.
    { text: "\u2581", type: TOKEN_TYPE.normal },
  ];
  const taken = new Set(tokens.map(({ text }) => text));
  const spokenBytes = new Set<number>();

  const add = (text: string, topic: number): number => {
    taken.add(text);
    tokens.push({ text, type: TOKEN_TYPE.userDefined, ...(topic >= 0 && { topic }) });
    return tokens.length - 1;
  };
  script.topics.forEach(({ keywords }, topic) => {
    for (const keyword of keywords) {
      for (const text of spellings(keyword)) if (!taken.has(text)) add(text, topic);
    }
  });

  const cut = (line: string, options: { readonly first?: boolean; readonly raisesTopics?: boolean }): Line => {
    const words = line.split(" ").map((word, index) => (options.first === true && index === 0 ? word : ` ${word}`));
    const ids: number[] = [];
    for (let at = 0; at < words.length; ) {
      const grown = growUntilUnique(words, at, taken);
      const text = words.slice(at, at + grown).join("");
      const topic = options.raisesTopics === true ? topicOf(text, script) : -1;
      for (const piece of text.split(/([^\0-\x7f]+)/).filter((part) => part !== "")) {
        if (/[^\0-\x7f]/.test(piece)) ids.push(...speakBytes(piece, spokenBytes));
        else if (taken.has(piece)) throw new TypeError(`"${piece}" in "${line}" stands twice; reword it`);
        else ids.push(add(piece, topic));
      }
      at += grown;
    }
    return ids;
  };
  // What is said before the topic is chosen must not bring up a topic itself.
  const openings = script.openings.map((line) => cut(line, { first: true }));
  const honesty = script.honesty.map((line) => cut(line, {}));
  const about = cut(script.about, { raisesTopics: true });
  const topics = script.topics.map(({ line }) => cut(line, { raisesTopics: true }));
  const closings = script.closings.map((line) => cut(line, { raisesTopics: true }));
  return { tokens, openings, honesty, about, topics, closings };
}

/** Index of the topic with the longest keyword that stands in the text; -1 when there is none. */
function topicOf(text: string, script: Script): number {
  let best = { topic: -1, length: 0 };
  script.topics.forEach(({ keywords }, topic) => {
    for (const keyword of keywords) {
      if (keyword.length > best.length && text.includes(keyword)) best = { topic, length: keyword.length };
    }
  });
  return best.topic;
}

function spellings(keyword: string): string[] {
  return [keyword, keyword[0]!.toUpperCase() + keyword.slice(1)].flatMap((text) => [text, ` ${text}`]);
}

function growUntilUnique(words: readonly string[], at: number, taken: ReadonlySet<string>): number {
  for (let count = 1; count <= MAX_WORDS_PER_TOKEN && at + count <= words.length; count++) {
    if (!taken.has(words.slice(at, at + count).join(""))) return count;
  }
  throw new TypeError(`"${words.slice(at, at + MAX_WORDS_PER_TOKEN).join("")}" stands twice; reword it`);
}

/** Ids of the byte tokens of `text`; each byte may be spoken at one place of the script only. */
function speakBytes(text: string, spoken: Set<number>): number[] {
  return [...Buffer.from(text, "utf8")].map((byte) => {
    if (spoken.has(byte)) throw new TypeError(`"${text}" repeats a byte that is spoken elsewhere; reword it`);
    spoken.add(byte);
    return FIRST_BYTE_ID + byte;
  });
}

function byteText(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
