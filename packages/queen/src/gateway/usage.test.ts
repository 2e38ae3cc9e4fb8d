import { expect, test } from "vitest";
import { AnswerEnds } from "./usage.ts";

const usageOf = (...pieces: readonly string[]) => {
  const ends = new AnswerEnds();
  for (const piece of pieces) ends.keep(Buffer.from(piece));
  return ends.usage();
};
const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const event = (type: string, value: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;

test("a whole answer tells it in its last members, compact or not", () => {
  const answer = {
    choices: [{ message: { content: 'It said "usage": {"prompt_tokens": 7}' } }],
    usage: { prompt_tokens: 12, completion_tokens: 34, total_tokens: 46, prompt_tokens_details: { cached_tokens: 5 } },
    id: "x",
  };
  expect(usageOf(JSON.stringify(answer))).toEqual({ input_tokens: 12, output_tokens: 34 });
  expect(usageOf(JSON.stringify(answer, undefined, 2))).toEqual({ input_tokens: 12, output_tokens: 34 });
  const text = JSON.stringify({ choices: [{ message: { content: '"usage": {"prompt_tokens": 7}' } }] });
  expect(usageOf(text)).toEqual({});
});

test("embeddings cost only what was read", () => {
  expect(usageOf('{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}')).toEqual({ input_tokens: 8 });
});

test("OpenAI's streams tell it before their end mark, if the client asked for it", () => {
  const chunk = data({ choices: [{ delta: { content: "a" } }], usage: null });
  const last = data({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 9 } });
  expect(usageOf(chunk, chunk, last, "data: [DONE]\n\n")).toEqual({ input_tokens: 3, output_tokens: 9 });
  expect(usageOf(chunk, `${last}data: [DONE]\n\n`)).toEqual({ input_tokens: 3, output_tokens: 9 });
  expect(usageOf(chunk, chunk, "data: [DONE]\n\n")).toEqual({});
});

test("llama.cpp tells its timings also where no usage was asked for", () => {
  const last = data({ choices: [{ finish_reason: "stop" }], timings: { cache_n: 20, prompt_n: 3, predicted_n: 5 } });
  expect(usageOf(data({ choices: [] }), last, "data: [DONE]\n\n")).toEqual({ input_tokens: 23, output_tokens: 5 });
});

test("Anthropic's streams tell what was read at their beginning, and what was written near their end", () => {
  const pieces = [
    event("message_start", { message: { usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 1 } } }),
    ...Array.from({ length: 50 }, () => event("content_block_delta", { delta: { text: "word " } })),
    event("content_block_stop", {}),
    event("message_delta", { usage: { output_tokens: 51 } }),
    event("message_stop", {}),
  ];
  expect(usageOf(...pieces)).toEqual({ input_tokens: 100, output_tokens: 51 });
  expect(usageOf(pieces.join(""))).toEqual({ output_tokens: 51, input_tokens: 100 });
});

test("a number that was cut in two is put together, and an answer that says nothing of it is unknown", () => {
  expect(usageOf('{"usage":{"prompt_tok', 'ens":12,"completion_tokens":3', "4}}")).toEqual({
    ...{ input_tokens: 12, output_tokens: 34 },
  });
  expect(usageOf()).toEqual({});
  expect(usageOf("x".repeat(100_000))).toEqual({});
  expect(usageOf(`{"usage":{"prompt_tokens":1,"completion_tokens":2},"more":"${"x".repeat(9_000)}"}`)).toEqual({
    ...{ input_tokens: 1, output_tokens: 2 },
  });
});
