import type { Script } from "./script.ts";
import { BOS_ID, EOS_ID, type Line, ROLE_MARKERS, type Vocabulary, type VocabularyToken } from "./vocabulary.ts";

/** What may follow a token. Scores become logits: a lead of 1 makes it e times as likely at temperature 1. */
export interface Next {
  readonly to: number;
  readonly score: number;
}

/** All that the hand-made model knows: which token follows which, and which one a topic calls for. */
export interface LanguageGraph {
  readonly tokens: readonly VocabularyToken[];
  /** What follows each token that the model speaks or starts from. */
  readonly next: ReadonlyMap<number, readonly Next[]>;
  /** What follows any other token. */
  readonly otherwise: readonly Next[];
  /** For each topic, the token that gains when the topic was heard. */
  readonly topicStarts: readonly number[];
}

/** The only way on. So far above the rest (0) that even temperature 2 strays less than once in a thousand tokens. */
const CERTAIN = 30;
/** Below this lead a line comes up at temperature 1 about as often as its neighbour. */
const STEP_DOWN = 0.4;
/** A topic's line without its topic: out of reach; `TOPIC_BONUS` lifts it over the line that is said otherwise. */
const TOPIC_UNHEARD = 22;
/** What a topic that was heard adds to its line, when no other topic was heard. */
export const TOPIC_BONUS = 16;

/** Joins the lines of the script: opening → honesty → topic (or about) → closing → end. */
export function scriptGraph(script: Script, vocabulary: Vocabulary): LanguageGraph {
  const { openings, honesty, about, topics, closings } = vocabulary;
  const next = new Map<number, readonly Next[]>();
  const afterHonesty = [
    { to: about[0]!, score: CERTAIN },
    ...topics.map((line) => ({ to: line[0]!, score: TOPIC_UNHEARD })),
  ];
  const scenes: readonly { readonly lines: readonly Line[]; readonly after: readonly Next[] }[] = [
    { lines: openings, after: choices(honesty) },
    { lines: honesty, after: afterHonesty },
    { lines: [about, ...topics], after: choices(closings) },
    { lines: closings, after: [{ to: EOS_ID, score: CERTAIN }] },
  ];
  for (const { lines, after } of scenes) {
    for (const line of lines) {
      line.forEach((id, index) => {
        const following = line[index + 1];
        next.set(id, following === undefined ? after : [{ to: following, score: CERTAIN }]);
      });
    }
  }
  const start = choices(openings);
  for (const marker of ROLE_MARKERS)
    next.set(
      vocabulary.tokens.findIndex(({ text }) => text === marker),
      start,
    );
  next.set(BOS_ID, start);
  return {
    tokens: vocabulary.tokens,
    next,
    otherwise: start,
    topicStarts: script.topics.map((_, i) => topics[i]![0]!),
  };
}

function choices(lines: readonly Line[]): Next[] {
  return lines.map((line, index) => ({ to: line[0]!, score: CERTAIN - index * STEP_DOWN }));
}
