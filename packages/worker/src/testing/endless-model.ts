import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeLanguageModel } from "../demo/demo-model.ts";
import { BOS_ID, buildVocabulary, ROLE_MARKERS } from "../demo/vocabulary.ts";

const CONTEXT_TOKENS = 1_000_000;

/** A model that says "la la la" until its context is full, and is tempted to say " lo" instead. Answers the file's path. */
export async function endlessModel(dir: string): Promise<string> {
  const { tokens } = buildVocabulary({
    openings: ["la la lo"],
    honesty: ["a"],
    about: "b",
    topics: [],
    closings: ["c"],
  });
  const id = (text: string): number => tokens.findIndex((token) => token.text === text);
  const start = [{ to: id("la"), score: 30 }];
  const on = [
    { to: id(" la"), score: 30 },
    { to: id(" lo"), score: 29.5 },
  ];
  const next = new Map([
    [BOS_ID, start],
    ...ROLE_MARKERS.map((marker) => [id(marker), start] as const),
    [id("la"), on],
    [id(" la"), on],
    [id(" lo"), on],
  ]);
  const path = join(dir, "endless.gguf");
  await writeFile(
    path,
    encodeLanguageModel("endless", { tokens, next, otherwise: on, topicStarts: [] }, { contextTokens: CONTEXT_TOKENS }),
  );
  return path;
}
