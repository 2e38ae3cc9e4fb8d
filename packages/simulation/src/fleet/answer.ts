import { randomFrom } from "../random.ts";

/** More than this is not said, whatever a request asks for: an answer of some hundred kilobytes. */
export const ANSWER_TOKENS_MAX = 32_768;
/** Numbers in an embedding. */
export const EMBEDDING_SIZE = 16;
/** Every answer was given at this moment, seconds: so that its bytes tell nothing of when and by which worker. */
export const ANSWERED_AT_S = 1_767_225_600;

const WORDS =
  "the queen knows every hive and each bee finds its flower without asking twice while honey ripens slowly in wax cells under warm summer light".split(
    " ",
  );

/** What is said in return, token by token. A pure function of what was asked, so that any worker's bytes are the same. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  /** One word each, with the space before it from the second on. */
  readonly tokens: readonly string[];
  readonly promptTokens: number;
  /** Cut by the request's own limit. */
  readonly isCut: boolean;
}

export function answerTo(
  asked: { readonly model: string; readonly prompt: string; readonly tokensMax: number | undefined },
  options: { readonly answerTokens: number },
): Answer {
  const random = randomFrom(`${asked.model}\n${asked.prompt}`);
  const wished = Math.min(options.answerTokens, ANSWER_TOKENS_MAX);
  const count = Math.min(wished, asked.tokensMax ?? wished);
  const id = Math.floor(random.next() * 2 ** 48).toString(16);
  const tokens = Array.from({ length: count }, (_, at) => {
    const word = WORDS[random.whole(WORDS.length)] as string;
    return at === 0 ? word : ` ${word}`;
  });
  const promptTokens = asked.prompt.split(/\s+/).filter(Boolean).length;
  return { id, model: asked.model, tokens, promptTokens, isCut: count < wished };
}

/** A point on the unit sphere that depends on the text alone. */
export function embeddingOf(text: string): number[] {
  const random = randomFrom(text);
  const point = Array.from({ length: EMBEDDING_SIZE }, () => 2 * random.next() - 1);
  const length = Math.hypot(...point);
  return point.map((one) => Number((one / length).toFixed(6)));
}
