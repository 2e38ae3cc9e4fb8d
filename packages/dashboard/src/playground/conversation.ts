import { type ChatMessage, ClientError, type Explanation } from "@hive-registry/client";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Answerer, ask, type Gateway, type Question } from "./ask.ts";

/** Turns that are kept and sent along; the oldest go first. */
export const TURNS_MAX = 200;
/** An answer is hung up when it is longer: a page must not grow for ever. */
export const ANSWER_CHARS_MAX = 1_000_000;

/** How fast an answer came. Ms by the page's clock, from the moment of sending. */
export interface Speed {
  readonly first_token_ms?: number;
  readonly total_ms: number;
  /** As the worker counts them; pieces of the answer where it does not. */
  readonly tokens: number;
  /** From the first token to the last. */
  readonly tokens_per_second?: number;
}

export interface Turn {
  /** Counts up. */
  readonly id: number;
  readonly question: string;
  readonly model: string;
  readonly answer: string;
  /** What models that think before they answer send apart. */
  readonly reasoning: string;
  readonly state: "asking" | "answering" | "answered" | "stopped" | "failed";
  readonly answerer?: Answerer;
  readonly speed?: Speed;
  /** `length`: it was cut at the most tokens that were asked for. */
  readonly finish_reason?: string;
  /** How the queen would have chosen a moment before. */
  readonly explanation?: Explanation;
  readonly error?: ClientError;
}

export interface AskDeps {
  readonly gateway: Gateway;
  readonly explain: (model: string, signal: AbortSignal) => Promise<Explanation>;
  /** Of the page, ms. */
  readonly nowMs: () => number;
  /** Calls back before the next picture: an answer is shown as it comes, and not oftener than pictures are. */
  readonly onFrame: (callback: () => void) => void;
}

/** What is said to whom. It lives as long as the page, whichever part of it is looked at. */
export class Conversation {
  readonly model: Signal<string> = signal("");
  readonly system: Signal<string> = signal("");
  /** As they stand in their fields; empty is the server's own choice. */
  readonly temperature: Signal<string> = signal("");
  readonly maxTokens: Signal<string> = signal("");
  readonly draft: Signal<string> = signal("");
  readonly #turns: Signal<readonly Turn[]> = signal([]);
  readonly #isBusy: Signal<boolean> = signal(false);
  #hangUp: AbortController | undefined;
  #lastId = 0;

  get turns(): ReadonlySignal<readonly Turn[]> {
    return this.#turns;
  }

  get isBusy(): ReadonlySignal<boolean> {
    return this.#isBusy;
  }

  /** What a request with `text` as its last words would say. Turns that failed are no part of it. */
  question(text: string): Question {
    const system: ChatMessage[] =
      this.system.value.trim() === "" ? [] : [{ role: "system", content: this.system.value }];
    const before = this.#turns.value
      .filter(({ state, answer }) => state === "answered" || (state === "stopped" && answer !== ""))
      .flatMap<ChatMessage>(({ question, answer }) => [
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ]);
    const temperature = numberIn(this.temperature.value);
    const maxTokens = numberIn(this.maxTokens.value);
    return {
      model: this.model.value,
      messages: [...system, ...before, { role: "user", content: text }],
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    };
  }

  /** Resolves when the answer is whole, was stopped or has failed; the turn says which. Nothing happens while another is under way. */
  async ask(text: string, deps: AskDeps): Promise<void> {
    if (this.#isBusy.value) return;
    const question = this.question(text);
    const hangUp = new AbortController();
    this.#hangUp = hangUp;
    this.#isBusy.value = true;
    const running = new RunningTurn({ id: ++this.#lastId, text, model: question.model }, deps, (turn) =>
      this.#show(turn),
    );
    this.#turns.value = [...this.#turns.value, running.turn].slice(-TURNS_MAX);
    try {
      // Asked first, so that the request's own place is not in it; its answer may come later.
      deps.explain(question.model, hangUp.signal).then(
        (explanation) => running.change({ explanation }),
        // What keeps it from being explained is told by the answer itself.
        () => undefined,
      );
      await running.run(question, hangUp);
    } finally {
      if (this.#hangUp === hangUp) {
        this.#hangUp = undefined;
        this.#isBusy.value = false;
      }
    }
  }

  /** Hangs up. What came so far stays. */
  stop(): void {
    this.#hangUp?.abort();
  }

  clear(): void {
    const hangUp = this.#hangUp;
    this.#hangUp = undefined;
    this.#isBusy.value = false;
    this.#turns.value = [];
    hangUp?.abort();
  }

  /** A turn of a conversation that was cleared meanwhile is shown nowhere. */
  #show(turn: Turn): void {
    this.#turns.value = this.#turns.value.map((one) => (one.id === turn.id ? turn : one));
  }
}

/** One turn while it goes on: collects what comes, and shows it when the next picture is drawn. */
class RunningTurn {
  #turn: Turn;
  #isShowing = false;
  readonly #deps: AskDeps;
  readonly #show: (turn: Turn) => void;

  constructor(
    asked: { readonly id: number; readonly text: string; readonly model: string },
    deps: AskDeps,
    show: (turn: Turn) => void,
  ) {
    this.#deps = deps;
    this.#show = show;
    this.#turn = { id: asked.id, question: asked.text, model: asked.model, answer: "", reasoning: "", state: "asking" };
  }

  get turn(): Turn {
    return this.#turn;
  }

  change(fields: Partial<Turn>): void {
    this.#turn = { ...this.#turn, ...fields };
    if (this.#isShowing) return;
    this.#isShowing = true;
    this.#deps.onFrame(() => {
      this.#isShowing = false;
      this.#show(this.#turn);
    });
  }

  async run(question: Question, hangUp: AbortController): Promise<void> {
    const { gateway, nowMs } = this.#deps;
    const sentMs = nowMs();
    let firstMs: number | undefined;
    let pieces = 0;
    let tokens: number | undefined;
    let isTooLong = false;
    const speed = (): Speed => {
      const endMs = nowMs();
      const counted = tokens ?? pieces;
      const runMs = firstMs === undefined ? 0 : endMs - firstMs;
      return {
        ...{ total_ms: endMs - sentMs, tokens: counted },
        ...(firstMs === undefined ? {} : { first_token_ms: firstMs - sentMs }),
        // One token has no rate, and what came in one piece neither.
        ...(counted > 1 && runMs > 0 ? { tokens_per_second: ((counted - 1) * 1_000) / runMs } : {}),
      };
    };
    try {
      for await (const piece of ask(gateway, question, hangUp.signal)) {
        if (piece.kind === "head") this.change({ answerer: piece.answerer, state: "answering" });
        else if (piece.kind === "text") {
          firstMs ??= nowMs();
          pieces++;
          this.change({
            answer: this.#turn.answer + piece.content,
            reasoning: this.#turn.reasoning + piece.reasoning,
          });
          isTooLong = this.#turn.answer.length + this.#turn.reasoning.length > ANSWER_CHARS_MAX;
          if (isTooLong) break;
        } else {
          tokens = piece.usage?.completion_tokens;
          if (piece.finish_reason !== undefined) this.change({ finish_reason: piece.finish_reason });
        }
      }
      this.#end({ state: isTooLong ? "stopped" : "answered", speed: speed() });
    } catch (thrown) {
      if (hangUp.signal.aborted) this.#end({ state: "stopped", speed: speed() });
      else this.#end({ state: "failed", error: asError(thrown), speed: speed() });
    }
  }

  /** Shown at once: a page that is hidden draws no pictures. */
  #end(fields: Partial<Turn>): void {
    this.#turn = { ...this.#turn, ...fields };
    this.#show(this.#turn);
  }
}

const asError = (thrown: unknown): ClientError =>
  thrown instanceof ClientError ? thrown : new ClientError("INTERNAL", String(thrown));

function numberIn(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}
