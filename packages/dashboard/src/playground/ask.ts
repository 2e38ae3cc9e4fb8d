import { type ChatMessage, type ChatUsage, ClientError, chat } from "@hive-registry/client";

/** How the page reaches the queen's gateway. */
export interface Gateway {
  readonly baseUrl: string;
  readonly token: string | undefined;
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
}

export interface Question {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  /** Absent: as the worker's server does by itself. */
  readonly temperature?: number;
  readonly max_tokens?: number;
}

/** Who answers, as the gateway's headers tell. */
export interface Answerer {
  readonly hive_id?: string;
  readonly worker_id?: string;
  /** How long the request waited for a place, ms. */
  readonly queue_ms?: number;
}

export type Piece =
  | { readonly kind: "head"; readonly answerer: Answerer }
  | { readonly kind: "text"; readonly content: string; readonly reasoning: string }
  | { readonly kind: "end"; readonly finish_reason?: string; readonly usage?: ChatUsage };

/**
 * Asks through the gateway, as any client of OpenAI would, and yields what comes. Aborting `signal` hangs up, which stops the
 * worker.
 *
 * @throws {ClientError} with the gateway's own code and words; `QUEEN_UNREACHABLE` when nothing answers.
 */
export async function* ask(gateway: Gateway, question: Question, signal: AbortSignal): AsyncGenerator<Piece, void> {
  const { model, messages, ...params } = question;
  let answerer: Answerer | undefined;
  const fetch = async (url: string, init?: RequestInit) => {
    const response = await gateway.fetch(url, init);
    if (response.ok) answerer = answererIn(response.headers);
    return response;
  };
  let finish: { finish_reason?: string; usage?: ChatUsage } = {};
  let isTold = false;
  try {
    for await (const delta of chat({
      ...{ worker_url: gateway.baseUrl, model, messages, params, fetch, signal },
      ...(gateway.token === undefined ? {} : { token: gateway.token }),
    })) {
      if (!isTold && answerer !== undefined) yield { kind: "head", answerer };
      isTold = true;
      const { content, reasoning_content: reasoning = "", finish_reason, usage } = delta;
      if (finish_reason !== undefined) finish = { ...finish, finish_reason };
      if (usage !== undefined) finish = { ...finish, usage };
      if (content !== "" || reasoning !== "") yield { kind: "text", content, reasoning };
    }
  } catch (error) {
    throw isNoAnswer(error) ? new ClientError("QUEEN_UNREACHABLE", "The queen does not answer") : error;
  }
  yield { kind: "end", ...finish };
}

/** Who was asked is the queen, whom the client takes for a worker here. */
const isNoAnswer = (error: unknown): boolean =>
  error instanceof ClientError && error.code === "WORKER_UNREACHABLE" && error.status === 0;

function answererIn(headers: Headers): Answerer {
  const [hive, worker, queue] = ["x-hive-id", "x-hive-worker", "x-hive-queue-ms"].map((name) => headers.get(name));
  return {
    ...(hive ? { hive_id: decoded(hive) } : {}),
    ...(worker ? { worker_id: decoded(worker) } : {}),
    ...(queue ? { queue_ms: Number(queue) } : {}),
  };
}

const PRINTABLE = /^[\x20-\x7e]*$/;

/** An id travels encoded only when no header may carry it as it is. */
function decoded(text: string): string {
  try {
    const id = decodeURIComponent(text);
    return PRINTABLE.test(id) ? text : id;
  } catch {
    return text;
  }
}
