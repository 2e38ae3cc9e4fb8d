import { ANSWERED_AT_S, type Answer, embeddingOf } from "./answer.ts";

/** A request's body, once it is known to be an object. */
export type Body = Readonly<Record<string, unknown>>;

/** How one path of an inference server speaks. */
export interface Dialect {
  /** Everything that the answer depends on. */
  prompt(body: Body): string;
  tokensMax(body: Body): number | undefined;
  /** The answer in one piece. */
  whole(answer: Answer, body: Body): object;
  /** The answer as a stream, server-sent events unless `type` says otherwise; absent where the path cannot stream. */
  readonly stream?: {
    readonly type?: string;
    /** Default: when the request says `stream: true`. */
    readonly isWanted?: (body: Body) => boolean;
    first(answer: Answer): string;
    token(answer: Answer, token: string): string;
    last(answer: Answer, body: Body): string;
  };
}

const chat: Dialect = {
  prompt: ({ messages }) => conversation(messages),
  tokensMax: ({ max_completion_tokens, max_tokens }) => count(max_completion_tokens) ?? count(max_tokens),
  whole: (answer) => ({
    ...{ id: `chatcmpl-${answer.id}`, object: "chat.completion", created: ANSWERED_AT_S, model: answer.model },
    choices: [
      {
        ...{ index: 0, message: { role: "assistant", content: said(answer) } },
        ...{ logprobs: null, finish_reason: finish(answer) },
      },
    ],
    usage: usage(answer),
  }),
  stream: {
    first: (answer) => chatChunk(answer, { role: "assistant", content: "" }, null),
    token: (answer, content) => chatChunk(answer, { content }, null),
    last: (answer, body) =>
      chatChunk(answer, {}, finish(answer)) +
      (wantsUsage(body) ? data({ ...chatHead(answer), choices: [], usage: usage(answer) }) : "") +
      DONE,
  },
};

const completions: Dialect = {
  prompt: ({ prompt }) => text(prompt),
  tokensMax: ({ max_tokens }) => count(max_tokens),
  whole: (answer) => ({
    ...textHead(answer),
    choices: [{ index: 0, text: said(answer), logprobs: null, finish_reason: finish(answer) }],
    usage: usage(answer),
  }),
  stream: {
    first: () => "",
    token: (answer, piece) => textChunk(answer, piece, null),
    last: (answer, body) =>
      textChunk(answer, "", finish(answer)) +
      (wantsUsage(body) ? data({ ...textHead(answer), choices: [], usage: usage(answer) }) : "") +
      DONE,
  },
};

const embeddings: Dialect = {
  prompt: ({ input }) => text(input),
  tokensMax: () => 0,
  whole: (answer, { input }) => ({
    object: "list",
    model: answer.model,
    data: listOf(input).map((one, index) => ({ object: "embedding", index, embedding: embeddingOf(text(one)) })),
    usage: { prompt_tokens: answer.promptTokens, total_tokens: answer.promptTokens },
  }),
};

const rerank: Dialect = {
  prompt: ({ query, documents }) => `${text(query)} ${text(documents)}`,
  tokensMax: () => 0,
  whole: (answer, { query, documents }) => ({
    id: `rerank-${answer.id}`,
    model: answer.model,
    results: listOf(documents)
      .map((one, index) => ({ index, relevance_score: likeness(text(query), text(one)) }))
      .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index),
    usage: { total_tokens: answer.promptTokens },
  }),
};

const responses: Dialect = {
  prompt: ({ instructions, input }) =>
    `${text(instructions)} ${typeof input === "string" ? input : conversation(input)}`,
  tokensMax: ({ max_output_tokens }) => count(max_output_tokens),
  whole: (answer) => response(answer, "completed"),
  stream: {
    first: (answer) => named("response.created", { response: response(answer, "in_progress") }),
    token: (answer, delta) =>
      named("response.output_text.delta", { item_id: `msg_${answer.id}`, output_index: 0, content_index: 0, delta }),
    last: (answer) => named("response.completed", { response: response(answer, "completed") }),
  },
};

/** Anthropic's. */
const messages: Dialect = {
  prompt: ({ system, messages }) => `${text(system)} ${conversation(messages)}`,
  tokensMax: ({ max_tokens }) => count(max_tokens),
  whole: (answer) => message(answer, [{ type: "text", text: said(answer) }], stopReason(answer), answer.tokens.length),
  stream: {
    first: (answer) =>
      named("message_start", { message: message(answer, [], null, 0) }) +
      named("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    token: (_answer, piece) => named("content_block_delta", { index: 0, delta: { type: "text_delta", text: piece } }),
    last: (answer) =>
      named("content_block_stop", { index: 0 }) +
      named("message_delta", {
        delta: { stop_reason: stopReason(answer), stop_sequence: null },
        usage: { output_tokens: answer.tokens.length },
      }) +
      named("message_stop", {}),
  },
};

/** What a fake worker answers to `POST`, by path. */
export const DIALECTS: Readonly<Record<string, Dialect>> = {
  "/v1/chat/completions": chat,
  "/v1/completions": completions,
  "/v1/embeddings": embeddings,
  "/v1/rerank": rerank,
  "/v1/responses": responses,
  "/v1/messages": messages,
};

const DONE = "data: [DONE]\n\n";
const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, value: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;

export const said = ({ tokens }: Answer): string => tokens.join("");
const finish = ({ isCut }: Answer): string => (isCut ? "length" : "stop");
const stopReason = ({ isCut }: Answer): string => (isCut ? "max_tokens" : "end_turn");
const usage = ({ promptTokens, tokens }: Answer): object => ({
  prompt_tokens: promptTokens,
  completion_tokens: tokens.length,
  total_tokens: promptTokens + tokens.length,
});
const wantsUsage = ({ stream_options }: Body): boolean =>
  (stream_options as { readonly include_usage?: unknown } | undefined)?.include_usage === true;

const chatHead = ({ id, model }: Answer): object => ({
  ...{ id: `chatcmpl-${id}`, object: "chat.completion.chunk", created: ANSWERED_AT_S, model },
});
const chatChunk = (answer: Answer, delta: object, finish_reason: string | null): string =>
  data({ ...chatHead(answer), choices: [{ index: 0, delta, logprobs: null, finish_reason }] });

const textHead = ({ id, model }: Answer): object => ({
  ...{ id: `cmpl-${id}`, object: "text_completion", created: ANSWERED_AT_S, model },
});
const textChunk = (answer: Answer, piece: string, finish_reason: string | null): string =>
  data({ ...textHead(answer), choices: [{ index: 0, text: piece, logprobs: null, finish_reason }] });

const response = (answer: Answer, status: "in_progress" | "completed"): object => ({
  ...{ id: `resp_${answer.id}`, object: "response", created_at: ANSWERED_AT_S, model: answer.model, status },
  output:
    status === "in_progress"
      ? []
      : [
          {
            ...{ type: "message", id: `msg_${answer.id}`, status, role: "assistant" },
            content: [{ type: "output_text", text: said(answer), annotations: [] }],
          },
        ],
  usage: status === "in_progress" ? null : { input_tokens: answer.promptTokens, output_tokens: answer.tokens.length },
});

const message = (answer: Answer, content: readonly object[], stop_reason: string | null, tokens: number): object => ({
  ...{ id: `msg_${answer.id}`, type: "message", role: "assistant", model: answer.model, content, stop_reason },
  ...{ stop_sequence: null, usage: { input_tokens: answer.promptTokens, output_tokens: tokens } },
});

/** Share of the first text's words that the second has, too. */
function likeness(query: string, document: string): number {
  const words = query.toLowerCase().split(/\W+/).filter(Boolean);
  const found = new Set(document.toLowerCase().split(/\W+/));
  return words.length === 0 ? 0 : words.filter((word) => found.has(word)).length / words.length;
}

export const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

/** Whatever text there is: a string, parts of a message, or a list of these. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(text).join(" ");
  const part = value as { readonly text?: unknown } | null | undefined;
  return typeof part?.text === "string" ? part.text : "";
}

export const conversation = (value: unknown): string =>
  listOf(value)
    .map((one) => {
      const { role, content } = (one ?? {}) as { readonly role?: unknown; readonly content?: unknown };
      return `${text(role)}: ${text(content)}`;
    })
    .join("\n");
