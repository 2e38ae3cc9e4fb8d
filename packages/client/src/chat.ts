import { ClientError, errorInBody, STREAM_CUT } from "./errors.ts";
import { type Fetch, Transport } from "./transport.ts";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | (string & {});
  readonly content: string;
}

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** A piece of an answer. `content` may be empty: the first and the last piece often are. */
export interface ChatDelta {
  readonly content: string;
  /** What models that think before they answer send apart. */
  readonly reasoning_content?: string;
  /** `stop`, `length` …: stands on the last piece. */
  readonly finish_reason?: string;
  readonly usage?: ChatUsage;
}

export interface ChatRequest {
  /** The worker's own address, from `route`; with or without `/v1`. */
  readonly worker_url: string;
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Further fields of the request, as OpenAI spells them: `temperature`, `max_tokens`, `seed` … */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Until the first byte: a long prompt takes its time, and so does a queue in the worker. Default {@link CHAT_HEAD_MS}. */
  readonly headMs?: number;
  /** Longest silence between two pieces. Default {@link CHAT_IDLE_MS}. */
  readonly idleMs?: number;
  readonly fetch?: Fetch | undefined;
}

// Node's own fetch gives up after 300 s; below that the reason can be told.
export const CHAT_HEAD_MS = 290_000;
export const CHAT_IDLE_MS = 120_000;
/** One piece of an answer is small; more is no answer. */
export const CHAT_EVENT_CHARS_MAX = 16_000_000;

/**
 * Streams an answer from a worker, directly. Leaving the loop or aborting closes the connection, and the worker stops.
 *
 * @throws {ClientError} `WORKER_UNREACHABLE` and the worker's own codes before the first piece, when another worker may be
 * tried; the worker's error in mid-stream; {@link STREAM_CUT} when the stream ends without its end mark.
 */
export async function* chat(request: ChatRequest): AsyncGenerator<ChatDelta, void> {
  const worker = new Transport("worker", {
    baseUrl: request.worker_url.replace(/\/v1\/*$/, ""),
    token: request.token,
    fetch: request.fetch,
    timeoutMs: request.headMs ?? CHAT_HEAD_MS,
  });
  const events = worker.events("/v1/chat/completions", {
    method: "POST",
    body: {
      stream_options: { include_usage: true },
      ...request.params,
      model: request.model,
      messages: request.messages,
      stream: true,
    },
    idleMs: request.idleMs ?? CHAT_IDLE_MS,
    charsMax: CHAT_EVENT_CHARS_MAX,
    // Some servers leave out the empty line after their last event.
    keepUnfinished: true,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  for await (const { event, data } of events) {
    if (data.trim() === "[DONE]") return;
    const chunk = parsedChunk(data);
    const error =
      errorInBody(chunk) ?? (event === "error" ? (errorInBody({ error: chunk }) ?? { message: data }) : undefined);
    if (error !== undefined) {
      throw new ClientError(error.code ?? "WORKER_FAILED", `The worker broke off with an error: ${error.message}`, {
        details: error.details,
      });
    }
    const delta = deltaOf(chunk);
    if (delta !== undefined) yield delta;
  }
  throw new ClientError(STREAM_CUT, `The worker at ${worker.baseUrl} ended its answer before it was complete`);
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null; readonly reasoning_content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: ChatUsage | null;
}

function parsedChunk(data: string): Chunk {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below, like everything else that is no object.
  }
  throw new ClientError(
    STREAM_CUT,
    "The worker's answer holds a piece that is not JSON: it was cut, or is no OpenAI stream",
  );
}

function deltaOf(chunk: Chunk): ChatDelta | undefined {
  const choice = chunk.choices?.[0];
  if (choice === undefined && !chunk.usage) return undefined;
  const reasoning = choice?.delta?.reasoning_content;
  return {
    content: choice?.delta?.content ?? "",
    ...(reasoning ? { reasoning_content: reasoning } : {}),
    ...(choice?.finish_reason ? { finish_reason: choice.finish_reason } : {}),
    ...(chunk.usage ? { usage: chunk.usage } : {}),
  };
}
