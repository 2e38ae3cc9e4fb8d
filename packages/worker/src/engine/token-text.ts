import type { LlamaModel, Token } from "node-llama-cpp";

/**
 * A character takes at most four tokens of one byte each; the rest is room for tokens that end one character and begin the
 * next. Beyond it the bytes are no text, and are shown as the replacement character.
 */
const MAX_HELD_TOKENS = 16;
/** How many tokens before a piece decide how it is written (whether it begins with a space). */
const CONTEXT_TOKENS = 8;
const REPLACEMENT = "\uFFFD";

/** Turns tokens into text as they come, never cutting a character whose bytes are spread over several tokens. */
export class TokenText {
  readonly #model: Pick<LlamaModel, "detokenize">;
  #before: Token[];
  #held: Token[] = [];

  constructor(model: Pick<LlamaModel, "detokenize">, promptTokens: readonly Token[]) {
    this.#model = model;
    this.#before = promptTokens.slice(-CONTEXT_TOKENS);
  }

  /** The text that is complete with this token; empty while a character is unfinished. */
  push(token: Token): string {
    this.#held.push(token);
    const text = this.#model.detokenize(this.#held, false, this.#before);
    if (text.endsWith(REPLACEMENT) && this.#held.length < MAX_HELD_TOKENS) return "";
    this.#settle();
    return text;
  }

  /** What was held back; an unfinished character shows as the replacement character. */
  end(): string {
    const text = this.#held.length > 0 ? this.#model.detokenize(this.#held, false, this.#before) : "";
    this.#settle();
    return text;
  }

  #settle(): void {
    this.#before = [...this.#before, ...this.#held].slice(-CONTEXT_TOKENS);
    this.#held = [];
  }
}
