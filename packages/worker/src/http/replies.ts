import type { FinishReason } from "../engine/engine.ts";

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** How one kind of answer is worded, whole or in chunks. */
export interface ReplyShape {
  /** What a stream says before its first text, if anything. */
  first(): object | undefined;
  text(text: string): object;
  finish(reason: FinishReason): object;
  usage(usage: Usage): object;
  whole(text: string, reason: FinishReason, usage: Usage): object;
}

export interface ReplyHead {
  readonly id: string;
  /** Seconds since epoch. */
  readonly created: number;
  readonly model: string;
  /** A stream that ends with usage says `usage: null` in each chunk before, as OpenAI's do. */
  readonly usageFollows: boolean;
}

export function chatReply(head: ReplyHead): ReplyShape {
  const { usageFollows, ...fields } = head;
  const chunk = (delta: object, finish_reason: FinishReason | null): object => ({
    ...fields,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(usageFollows && { usage: null }),
  });
  return {
    first: () => chunk({ role: "assistant", content: "", refusal: null }, null),
    text: (text) => chunk({ content: text }, null),
    finish: (reason) => chunk({}, reason),
    usage: (usage) => ({ ...fields, object: "chat.completion.chunk", choices: [], usage }),
    whole: (text, finish_reason, usage) => ({
      ...fields,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: text, refusal: null },
          logprobs: null,
          finish_reason,
        },
      ],
      usage,
    }),
  };
}

export function completionReply(head: ReplyHead): ReplyShape {
  const { usageFollows, ...fields } = head;
  const wrap = (text: string, finish_reason: FinishReason | null, more: object): object => ({
    ...fields,
    object: "text_completion",
    choices: [{ index: 0, text, logprobs: null, finish_reason }],
    ...more,
  });
  const pending = usageFollows ? { usage: null } : {};
  return {
    first: () => undefined,
    text: (text) => wrap(text, null, pending),
    finish: (reason) => wrap("", reason, pending),
    usage: (usage) => ({ ...fields, object: "text_completion", choices: [], usage }),
    whole: (text, reason, usage) => wrap(text, reason, { usage }),
  };
}
