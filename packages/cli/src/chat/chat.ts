import { CommandError, EXIT, explain } from "../failure.ts";
import { harmless } from "../output/text.ts";
import { Conversation, type ConversationDeps } from "./conversation.ts";
import { modelAndPrompt } from "./pick.ts";

/** A question from a pipe may have so many bytes. */
export const PIPED_BYTES_MAX = 4_194_304;

export interface ChatDeps extends ConversationDeps {
  /** Raw answers to stdout; control characters are taken out where it is a terminal. */
  readonly isTerminal: boolean;
  /** Everything on stdin, when it is a pipe or a file; undefined when a person sits there. */
  piped(limitBytes: number): Promise<string | undefined>;
  /** Asks a person; undefined at the end of the input or when it was interrupted there. */
  question(): Promise<string | undefined>;
  /** A signal that the next Ctrl-C aborts. `end` gives Ctrl-C back its usual meaning. */
  interruptible(): { readonly signal: AbortSignal; end(): void };
}

export interface ChatFlags {
  readonly system?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly seed?: number;
}

/**
 * `hive chat [MODEL] [PROMPT]`: one answer for a prompt or for piped text; without either a conversation. The queen names the
 * worker; the answer comes from the worker itself.
 */
export async function chat(
  deps: ChatDeps,
  given: {
    readonly model: string | undefined;
    readonly prompt: string | undefined;
    readonly token: string | undefined;
  },
  flags: ChatFlags,
): Promise<number> {
  const { model, prompt } = modelAndPrompt(given, await deps.client.models());
  const write = deps.isTerminal ? (text: string) => deps.write(harmless(text)) : deps.write;
  const params = {
    ...(flags.maxTokens === undefined ? {} : { max_tokens: flags.maxTokens }),
    ...(flags.temperature === undefined ? {} : { temperature: flags.temperature }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  };
  const conversation = new Conversation(
    { ...deps, write },
    { model, system: flags.system, token: given.token, params },
  );
  const single = prompt ?? (await deps.piped(PIPED_BYTES_MAX));
  if (single === undefined) return talk(deps, conversation);
  if (single.trim() === "") throw new CommandError("Nothing to ask: the prompt is empty.", EXIT.usage);
  return (await turn(deps, conversation, single)) === "answered" ? EXIT.done : EXIT.failed;
}

/** Ctrl-C stops an answer; Ctrl-C or Ctrl-D at the question ends the conversation. A failed answer does not end it. */
async function talk(deps: ChatDeps, conversation: Conversation): Promise<number> {
  deps.note("Ctrl-C stops an answer; Ctrl-D ends the conversation.");
  for (;;) {
    const question = await deps.question();
    if (question === undefined) return EXIT.done;
    if (question.trim() === "") continue;
    try {
      await turn(deps, conversation, question);
    } catch (error) {
      const { text, exitCode } = explain(error);
      if (exitCode === EXIT.unreachable) throw error;
      deps.note(text);
    }
  }
}

async function turn(deps: ChatDeps, conversation: Conversation, question: string): Promise<"answered" | "interrupted"> {
  const interrupt = deps.interruptible();
  try {
    const finish = await conversation.ask(question, interrupt.signal);
    if (finish === "length") deps.note("The answer reached its longest length; --max-tokens N allows more.");
    return "answered";
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    deps.note("Stopped.");
    return "interrupted";
  } finally {
    interrupt.end();
  }
}
