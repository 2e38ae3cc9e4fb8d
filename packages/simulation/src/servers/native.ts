import { ANSWERED_AT_S, type Answer } from "../fleet/answer.ts";
import { type Body, conversation, count, type Dialect, said, text } from "../fleet/dialects.ts";

/** How servers speak on paths of their own, beside OpenAI's. All shapes are constructed from their documentation. */

const field = (value: unknown, name: string): unknown =>
  (value as Readonly<Record<string, unknown>> | undefined)?.[name];
const line = (value: object): string => `${JSON.stringify(value)}\n`;
const data = (value: object): string => `data:${JSON.stringify(value)}\n\n`;

/** Of Ollama: lines of JSON, streamed unless the request says otherwise. Source: ollama/ollama fb307609 api/types.go. */
function ollama(prompt: (body: Body) => string, piece: (content: string) => object): Dialect {
  const head = ({ model }: Answer) => ({ model, created_at: new Date(ANSWERED_AT_S * 1_000).toISOString() });
  const end = ({ isCut, promptTokens, tokens }: Answer) => ({
    ...{ done: true, done_reason: isCut ? "length" : "stop", total_duration: 1, load_duration: 0 },
    ...{ prompt_eval_count: promptTokens, prompt_eval_duration: 1, eval_count: tokens.length, eval_duration: 1 },
  });
  return {
    prompt,
    tokensMax: ({ options }) => count(field(options, "num_predict")),
    whole: (answer) => ({ ...head(answer), ...piece(said(answer)), ...end(answer) }),
    stream: {
      ...{ type: "application/x-ndjson", isWanted: ({ stream }) => stream !== false, first: () => "" },
      token: (answer, token) => line({ ...head(answer), ...piece(token), done: false }),
      last: (answer) => line({ ...head(answer), ...piece(""), ...end(answer) }),
    },
  };
}

export const OLLAMA_CHAT: Dialect = ollama(
  ({ messages }) => conversation(messages),
  (content) => ({ message: { role: "assistant", content } }),
);
export const OLLAMA_GENERATE: Dialect = ollama(
  ({ prompt }) => text(prompt),
  (response) => ({ response }),
);

/** `POST /completion` of llama-server. Source: ggml-org/llama.cpp tools/server/README.md 00dc8057. */
export const LLAMA_COMPLETION: Dialect = {
  prompt: ({ prompt }) => text(prompt),
  tokensMax: ({ n_predict }) => count(n_predict),
  whole: (answer) => ({ content: said(answer), stop: true, ...llamaEnd(answer) }),
  stream: {
    first: () => "",
    token: (_answer, content) => `data: ${JSON.stringify({ content, stop: false })}\n\n`,
    last: (answer) => `data: ${JSON.stringify({ content: "", stop: true, ...llamaEnd(answer) })}\n\n`,
  },
};
const llamaEnd = ({ model, isCut, promptTokens, tokens }: Answer): object => ({
  ...{ model, stop_type: isCut ? "limit" : "eos", tokens_evaluated: promptTokens, tokens_predicted: tokens.length },
});

/** `POST /generate` of TGI. Source: huggingface/text-generation-inference db931fcf router/src/lib.rs. */
export const TGI_GENERATE: Dialect = {
  prompt: ({ inputs }) => text(inputs),
  tokensMax: ({ parameters }) => count(field(parameters, "max_new_tokens")),
  whole: (answer) => ({ generated_text: said(answer) }),
  stream: {
    first: () => "",
    token: (_answer, one) => data({ token: { id: 1, text: one, logprob: 0, special: false }, generated_text: null }),
    last: (answer) =>
      data({
        token: { id: 2, text: "", logprob: 0, special: true },
        generated_text: said(answer),
        details: { finish_reason: answer.isCut ? "length" : "eos_token", generated_tokens: answer.tokens.length },
      }),
  },
};
export const TGI_GENERATE_STREAM: Dialect = {
  ...TGI_GENERATE,
  stream: { ...(TGI_GENERATE.stream as NonNullable<Dialect["stream"]>), isWanted: () => true },
};

/** `POST /generate` of SGLang, in one piece. Source: sgl-project/sglang http_server.py 0025436e. */
export const SGLANG_GENERATE: Dialect = {
  prompt: (body) => text(body.text),
  tokensMax: ({ sampling_params }) => count(field(sampling_params, "max_new_tokens")),
  whole: (answer) => ({
    text: said(answer),
    meta_info: {
      ...{ id: answer.id, finish_reason: { type: answer.isCut ? "length" : "stop" } },
      ...{ prompt_tokens: answer.promptTokens, completion_tokens: answer.tokens.length },
    },
  }),
};

/** `POST /api/v1/generate` of KoboldCpp. Source: LostRuins/koboldcpp 8f8b1649 koboldcpp.py. */
export const KOBOLD_GENERATE: Dialect = {
  prompt: ({ prompt }) => text(prompt),
  tokensMax: ({ max_length }) => count(max_length),
  whole: (answer) => ({ results: [{ text: said(answer), finish_reason: answer.isCut ? "length" : "stop" }] }),
};
