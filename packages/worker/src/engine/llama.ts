import type {
  Llama,
  LlamaContext,
  LlamaContextSequence,
  LlamaModel,
  SequenceEvaluateOptions,
  Token,
} from "node-llama-cpp";
import { ApiError } from "../errors.ts";
import { type ChatTemplate, checkCharacters, type Prompt, plainPrompt } from "./chat-template.ts";
import { EmbeddingContext } from "./embedding-context.ts";
import type {
  Embeddings,
  Engine,
  EngineInfo,
  EngineLoad,
  FinishReason,
  GenerateEvent,
  GenerateRequest,
} from "./engine.ts";
import { SlotPool } from "./slots.ts";
import { StopStrings } from "./stop-strings.ts";
import { TokenText } from "./token-text.ts";

export interface LlamaEngineParts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly template: ChatTemplate;
  readonly info: EngineInfo;
}

export interface LlamaEngineOptions {
  readonly slots: number;
  /** False for models that only make embeddings. */
  readonly generates: boolean;
}

/** How many requests may wait for a slot; the next one is told to come back. */
export const MAX_QUEUED_REQUESTS = 128;
/** A long prompt is read in steps of this many tokens, so that a client that hung up stops it in between. */
const PROMPT_STEP_TOKENS = 512;
/** Penalties look back over this many tokens of the answer. */
const PENALTY_WINDOW_TOKENS = 1024;

interface Slot {
  readonly sequence: LlamaContextSequence;
}

/** llama.cpp in this process. Slots are sequences of one context, so that requests which run together share each batch. */
export class LlamaEngine implements Engine {
  readonly info: EngineInfo;
  readonly #parts: LlamaEngineParts;
  readonly #generates: boolean;
  readonly #pool: SlotPool<Slot>;
  readonly #embedding: EmbeddingContext;

  constructor(parts: LlamaEngineParts, options: LlamaEngineOptions) {
    this.#parts = parts;
    this.info = parts.info;
    this.#generates = options.generates;
    const slots = Array.from({ length: options.slots }, () => ({ sequence: parts.context.getSequence() }));
    this.#pool = new SlotPool(slots, { maxQueued: MAX_QUEUED_REQUESTS });
    this.#embedding = new EmbeddingContext(parts.model, {
      contextTokens: parts.info.n_ctx,
      threads: parts.context.idealThreads,
    });
  }

  load(): EngineLoad {
    return this.#pool.load();
  }

  onChange(listener: () => void): () => void {
    return this.#pool.onChange(listener);
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
    if (!this.#generates) throw new ApiError("NOT_SUPPORTED", "this model makes embeddings and cannot write text");
    const prompt = this.#read(request.prompt);
    const room = this.info.n_ctx - prompt.tokens.length;
    if (room < 1) {
      throw new ApiError(
        "CONTEXT_TOO_LONG",
        `the prompt has ${prompt.tokens.length} tokens; a slot of this worker holds ${this.info.n_ctx - 1}`,
        "messages" in request.prompt ? "messages" : "prompt",
      );
    }
    const lease = await this.#pool.acquire((slot) => cachedPrefix(slot, prompt), signal);
    try {
      const maxTokens = Math.min(request.max_tokens ?? room, room);
      yield* this.#answer(lease.slot, prompt, { ...request, max_tokens: maxTokens }, signal);
    } finally {
      lease.release();
    }
  }

  #read(prompt: GenerateRequest["prompt"]): Prompt {
    if ("messages" in prompt) {
      checkCharacters(
        prompt.messages.map(({ content }) => content),
        this.info.n_ctx,
        "messages",
      );
      return this.#parts.template.render(prompt.messages);
    }
    checkCharacters([prompt.text], this.info.n_ctx, "prompt");
    return plainPrompt(this.#parts.model, prompt.text);
  }

  async *#answer(
    { sequence }: Slot,
    prompt: Prompt,
    request: GenerateRequest & { readonly max_tokens: number },
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, void, void> {
    try {
      let read = await reusePrefix(sequence, prompt.tokens);
      yield { type: "start", prompt_tokens: prompt.tokens.length, cached_tokens: read };
      // The last token is left for evaluate(), which starts the answer from it.
      while (prompt.tokens.length - read > PROMPT_STEP_TOKENS) {
        if (signal.aborted) return;
        await sequence.evaluateWithoutGeneratingNewTokens(prompt.tokens.slice(read, read + PROMPT_STEP_TOKENS));
        read += PROMPT_STEP_TOKENS;
      }
      const generated: Token[] = [];
      const text = new TokenText(this.#parts.model, prompt.tokens);
      const stops = new StopStrings([...request.stop, ...prompt.stopTexts]);
      let finish: FinishReason = "stop";
      for await (const token of sequence.evaluate(prompt.tokens.slice(read), sampling(request, generated))) {
        if (signal.aborted) return;
        if (prompt.stopTokens.has(token)) break;
        generated.push(token);
        const piece = stops.push(text.push(token));
        if (piece.text !== "") yield { type: "text", text: piece.text };
        if (piece.stopped) return yield { type: "end", finish_reason: "stop", completion_tokens: generated.length };
        if (generated.length >= request.max_tokens) {
          finish = "length";
          break;
        }
      }
      const rest = stops.push(text.end());
      const tail = rest.stopped ? rest.text : rest.text + stops.end();
      if (tail !== "") yield { type: "text", text: tail };
      yield { type: "end", finish_reason: rest.stopped ? "stop" : finish, completion_tokens: generated.length };
    } catch (error) {
      // What the slot remembers may be wrong now.
      if (!sequence.disposed) await sequence.clearHistory();
      throw error;
    }
  }

  async embed(inputs: readonly string[], signal: AbortSignal): Promise<Embeddings> {
    // It computes in a context of its own, but counts as a request like any other: it takes its turn and shows as load.
    const lease = await this.#pool.acquire(() => 0, signal);
    try {
      return await this.#embedding.embed(inputs, signal);
    } finally {
      lease.release();
    }
  }

  async close(): Promise<void> {
    await this.#embedding.close();
    await this.#parts.context.dispose();
    await this.#parts.model.dispose();
    await this.#parts.llama.dispose();
  }
}

/** How many tokens of the prompt the slot remembers from its last request. */
function cachedPrefix({ sequence }: Slot, prompt: Prompt): number {
  return sequence.compareContextTokens([...prompt.tokens]).firstDifferentIndex;
}

/** Makes the slot forget all that the prompt does not begin with. Answers how many tokens need not be read again. */
async function reusePrefix(sequence: LlamaContextSequence, tokens: readonly Token[]): Promise<number> {
  // One token at least must be read, or there is nothing to continue from.
  const same = Math.min(sequence.compareContextTokens([...tokens]).firstDifferentIndex, tokens.length - 1);
  await sequence.adaptStateToTokens(tokens.slice(0, same), false);
  return sequence.nextTokenIndex;
}

function sampling(request: GenerateRequest, generated: readonly Token[]): SequenceEvaluateOptions {
  const { presence_penalty, frequency_penalty } = request;
  return {
    temperature: request.temperature,
    topP: request.top_p,
    topK: request.top_k,
    minP: request.min_p,
    seed: request.seed,
    ...((presence_penalty !== 0 || frequency_penalty !== 0) && {
      repeatPenalty: {
        punishTokens: () => generated.slice(-PENALTY_WINDOW_TOKENS),
        maxPunishTokens: PENALTY_WINDOW_TOKENS,
        penalty: 1,
        presencePenalty: presence_penalty,
        frequencyPenalty: frequency_penalty,
      },
    }),
  };
}
