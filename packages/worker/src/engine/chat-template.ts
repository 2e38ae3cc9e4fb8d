import type { ChatHistoryItem, ChatWrapper, LlamaModel, LlamaText, Token } from "node-llama-cpp";
import { ApiError } from "../errors.ts";
import type { ChatMessage } from "./engine.ts";

type Library = typeof import("node-llama-cpp");

export interface Prompt {
  readonly tokens: readonly Token[];
  /** Tokens that end an answer, besides the model's own end tokens. */
  readonly stopTokens: ReadonlySet<Token>;
  /** Texts that end an answer. */
  readonly stopTexts: readonly string[];
}

/** Renders conversations as the model was taught to read them. */
export class ChatTemplate {
  readonly #model: LlamaModel;
  readonly #wrapper: ChatWrapper;

  /** With the template that the GGUF carries; where it has none, or a broken one, with the library's general layout. */
  constructor(library: Library, model: LlamaModel, onBroken: (error: unknown) => void) {
    this.#model = model;
    const template = model.fileInfo.metadata.tokenizer?.chat_template;
    this.#wrapper = wrapperFor(library, model, template, onBroken);
  }

  /**
   * The tokens from which the model writes the assistant's next message. A conversation that ends with the assistant's own
   * words is continued. What stands in a message never counts as a special token.
   *
   * @throws {ApiError} `INVALID_REQUEST` when the template refuses the conversation (roles out of turn, say).
   */
  render(messages: readonly ChatMessage[]): Prompt {
    const { contextText, stopGenerationTriggers } = this.#generate(messages);
    const tokens = contextText.tokenize(this.#model.tokenizer);
    const stopTokens = new Set<Token>();
    const stopTexts: string[] = [];
    for (const trigger of stopGenerationTriggers) {
      const [first, ...more] = trigger.tokenize(this.#model.tokenizer);
      if (first === undefined) continue;
      // A trigger that begins with a special token is known by that token alone.
      if (this.#model.isSpecialToken(first) || (more.length === 0 && !isPlainText(trigger))) stopTokens.add(first);
      else if (isPlainText(trigger)) stopTexts.push(trigger.toString());
    }
    return { tokens: withBos(this.#model, tokens), stopTokens, stopTexts };
  }

  #generate(messages: readonly ChatMessage[]): ReturnType<ChatWrapper["generateContextState"]> {
    const history = messages.map(toHistoryItem);
    if (history.at(-1)?.type !== "model") history.push({ type: "model", response: [] });
    try {
      return this.#wrapper.generateContextState({ chatHistory: history });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ApiError("INVALID_REQUEST", `the model's chat template refuses these messages: ${why}`, "messages");
    }
  }
}

/**
 * A text with more characters than this for each token of context is refused unread: no tokenizer makes so few tokens of it,
 * and cutting megabytes into tokens would hold up every other request.
 */
const MAX_CHARACTERS_PER_TOKEN = 64;

/** @throws {ApiError} `CONTEXT_TOO_LONG` when the texts cannot fit `contextTokens` whatever the tokenizer. */
export function checkCharacters(texts: readonly string[], contextTokens: number, param: string): void {
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters <= contextTokens * MAX_CHARACTERS_PER_TOKEN) return;
  const message = `${characters} characters are far more than the ${contextTokens} tokens that a slot of this worker holds`;
  throw new ApiError("CONTEXT_TOO_LONG", message, param);
}

/** Tokens of a plain prompt, special tokens included, so that a caller may bring a template of its own. */
export function plainPrompt(model: LlamaModel, text: string): Prompt {
  return { tokens: withBos(model, model.tokenize(text, true)), stopTokens: new Set(), stopTexts: [] };
}

function withBos(model: LlamaModel, tokens: readonly Token[]): readonly Token[] {
  const { bos, eos, shouldPrependBosToken } = model.tokens;
  if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) return [bos, ...tokens];
  // A model without a beginning-of-text token still needs one token to start from.
  return tokens.length === 0 && eos !== null ? [eos] : tokens;
}

function wrapperFor(
  library: Library,
  model: LlamaModel,
  template: string | undefined,
  onBroken: (error: unknown) => void,
): ChatWrapper {
  if (template === undefined || template === "") return new library.GeneralChatWrapper();
  try {
    return new library.JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer });
  } catch (error) {
    onBroken(error);
    return new library.GeneralChatWrapper();
  }
}

function toHistoryItem(message: ChatMessage): ChatHistoryItem {
  switch (message.role) {
    case "system":
      return { type: "system", text: message.content };
    case "user":
      return { type: "user", text: message.content };
    case "assistant":
      return { type: "model", response: [message.content] };
  }
}

function isPlainText(text: LlamaText): boolean {
  return text.values.every((value) => typeof value === "string");
}
