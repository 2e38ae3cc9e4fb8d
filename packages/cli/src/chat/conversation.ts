import { type ChatDelta, type ChatMessage, type ChatRequest, ClientError } from "@hive-registry/client";
import { oneLine } from "../output/text.ts";
import { type Chosen, type PickDeps, pickWorker } from "./pick.ts";

/** Older turns are left out of what is sent. */
export const HISTORY_MESSAGES_MAX = 200;
/** Workers tried for one answer, as long as none has begun to speak. */
export const WORKERS_TRIED_MAX = 3;

export interface ConversationDeps extends PickDeps {
  chat(request: ChatRequest): AsyncIterable<ChatDelta>;
  /** A piece of the answer, as it comes. */
  write(text: string): void;
}

export interface ConversationOptions {
  readonly model: string;
  readonly system?: string | undefined;
  readonly token: string | undefined;
  /** Further fields of each request: `temperature`, `max_tokens` … */
  readonly params: Readonly<Record<string, unknown>>;
}

/** Questions and answers, one worker as long as it works: it has the beginning in its cache. */
export class Conversation {
  readonly #deps: ConversationDeps;
  readonly #options: ConversationOptions;
  readonly #messages: ChatMessage[] = [];
  #worker: Chosen | undefined;

  constructor(deps: ConversationDeps, options: ConversationOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Writes the answer as it comes, and ends its last line. What was said until a failure or an abort stays in the history: the next question may be about it.
   *
   * @returns why the worker stopped: `stop`, `length` …
   */
  async ask(question: string, signal: AbortSignal): Promise<string | undefined> {
    this.#messages.push({ role: "user", content: question });
    this.#messages.splice(0, Math.max(0, this.#messages.length - HISTORY_MESSAGES_MAX));
    let answer = "";
    let finish: string | undefined;
    try {
      for (let tries = 1; ; tries++) {
        try {
          for await (const delta of this.#deps.chat(await this.#request(signal))) {
            answer += delta.content;
            if (delta.content !== "") this.#deps.write(delta.content);
            finish = delta.finish_reason ?? finish;
          }
          return finish;
        } catch (error) {
          if (answer !== "" || tries >= WORKERS_TRIED_MAX || !anotherMayDo(error)) throw error;
          this.#worker = undefined;
          this.#deps.note(
            `${oneLine(error instanceof Error ? error.message : "It failed")}; asking for another worker`,
          );
        }
      }
    } finally {
      if (answer !== "" && !answer.endsWith("\n")) this.#deps.write("\n");
      if (answer === "") this.#messages.pop();
      else this.#messages.push({ role: "assistant", content: answer });
    }
  }

  async #request(signal: AbortSignal): Promise<ChatRequest> {
    const { model, system, token, params } = this.#options;
    if (this.#worker === undefined) {
      this.#worker = await pickWorker(this.#deps, model, signal);
      const { worker, hive_id, url } = this.#worker;
      this.#deps.note(oneLine(`${model}: ${worker.worker_id} on ${hive_id} answers (${url})`));
    }
    const first: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
    return { worker_url: this.#worker.url, model, messages: [...first, ...this.#messages], token, params, signal };
  }
}

function anotherMayDo(error: unknown): boolean {
  if (!(error instanceof ClientError) || error.server !== "worker") return false;
  return error.code === "WORKER_UNREACHABLE" || error.status === 503 || error.status === 429;
}
