import { randomInt } from "node:crypto";
import type { ChatMessage, GenerateRequest } from "../engine/engine.ts";
import { ApiError } from "../errors.ts";
import type { ChatBody, ChatBodyMessage, CompletionBody, SamplingBody } from "./bodies.ts";

/** OpenAI's defaults, and llama.cpp's for what OpenAI does not have: without the last two, small models ramble. */
const DEFAULT_SAMPLING = { temperature: 1, top_p: 1, top_k: 40, min_p: 0.05 } as const;
/** Where OpenAI's completions stop when the request does not say. */
const DEFAULT_COMPLETION_TOKENS = 16;
const SEEDS = 2 ** 32;

/** A way to ask for something that this worker cannot do, and would answer wrongly if it ignored it. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value !== 1,
  best_of: (value) => value !== 1,
  logprobs: (value) => value !== false,
  top_logprobs: (value) => value !== 0,
  logit_bias: isNotEmpty,
  tools: isNotEmpty,
  functions: isNotEmpty,
  response_format: (value) => (value as { type?: unknown }).type !== "text",
  echo: (value) => value !== false,
  suffix: (value) => value !== "",
  dimensions: () => true,
};

/** @throws {ApiError} `UNSUPPORTED_PARAMETER` naming the first parameter that this worker cannot follow. */
export function refuseUnsupported(body: object): void {
  for (const [param, asksForIt] of Object.entries(UNSUPPORTED)) {
    const value = (body as Record<string, unknown>)[param];
    if (value === undefined || value === null || !asksForIt(value)) continue;
    throw new ApiError("UNSUPPORTED_PARAMETER", `this worker does not support ${param} with this value`, param);
  }
}

export function chatRequest(body: ChatBody): GenerateRequest {
  const limit = body.max_completion_tokens ?? body.max_tokens ?? undefined;
  return { prompt: { messages: body.messages.map(toMessage) }, ...sampling(body), ...maxTokens(limit) };
}

export function completionRequest(body: CompletionBody): GenerateRequest {
  const text = typeof body.prompt === "string" ? body.prompt : body.prompt[0];
  return { prompt: { text }, ...sampling(body), ...maxTokens(body.max_tokens ?? DEFAULT_COMPLETION_TOKENS) };
}

function sampling(body: SamplingBody): Omit<GenerateRequest, "prompt" | "max_tokens"> {
  return {
    temperature: body.temperature ?? DEFAULT_SAMPLING.temperature,
    top_p: body.top_p ?? DEFAULT_SAMPLING.top_p,
    top_k: Math.min(body.top_k ?? DEFAULT_SAMPLING.top_k, 2 ** 31 - 1),
    min_p: body.min_p ?? DEFAULT_SAMPLING.min_p,
    // Any whole number is a seed, as with OpenAI; llama.cpp takes 32 bits of it.
    seed: body.seed == null ? randomInt(SEEDS) : ((body.seed % SEEDS) + SEEDS) % SEEDS,
    stop: typeof body.stop === "string" ? [body.stop] : (body.stop ?? []),
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
  };
}

function maxTokens(limit: number | undefined): { readonly max_tokens?: number } {
  return limit === undefined ? {} : { max_tokens: limit };
}

function toMessage({ role, content }: ChatBodyMessage): ChatMessage {
  const text = typeof content === "string" ? content : (content ?? []).map((part) => part.text).join("");
  return { role: role === "developer" ? "system" : role, content: text };
}

function isNotEmpty(value: unknown): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length > 0;
}
