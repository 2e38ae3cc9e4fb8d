/** One kind of inference server, as somebody who asks it over HTTP sees it. */
import { type Body, DIALECTS, type Dialect } from "../fleet/dialects.ts";
import type { EmulatorOrder } from "./order.ts";

/**
 * `loading`: the model is being read. `busy`: others hold every slot. `broken`: lives and cannot work. `slow`: works, and
 * says everything late. `sleeping`: has given its memory back, and wakes at the next request.
 */
export const EMULATOR_STATES = ["loading", "ready", "busy", "broken", "slow", "sleeping"] as const;
export type EmulatorState = (typeof EMULATOR_STATES)[number];

/** An answer: an object goes as JSON, a text as it is, neither as an empty body. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
}

/** How the emulated server stands, for its answers. */
export interface Situation {
  readonly state: EmulatorState;
  readonly url: string;
  readonly models: readonly string[];
  /** Which of them are in memory, and which are on the way there. */
  readonly loaded: readonly string[];
  readonly waking: readonly string[];
  readonly slots: number;
  readonly queue_max: number;
  readonly running: number;
  readonly queued: number;
  /** 0–1. */
  readonly kv: number;
  readonly prompt_tokens: number;
  readonly answer_tokens: number;
  /** Requests that were answered, and those that were sent away because too many waited. */
  readonly answered: number;
  readonly overloaded: number;
  /** Seconds since epoch. */
  readonly started_at_s: number;
  readonly now_s: number;
  /** Came with the right key, or none is needed. */
  readonly is_trusted: boolean;
  /** Addresses of the servers that it started beside itself. */
  readonly children: readonly string[];
}

/** What a `POST` that is no inference gets, and what it does. */
export interface Deed {
  readonly reply: Reply;
  readonly order?: EmulatorOrder;
}

export interface Kind {
  /** Said with each answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests at once, when nothing else is asked for: the server's own default. */
  readonly slots: number;
  /** Requests that may wait; the server's own default, or a bound where it knows none. */
  readonly queueMax: number;
  /** Its port opens only when the model is loaded. */
  readonly silentWhileLoading?: true;
  /** It can give its memory back and go on listening. */
  readonly sleeps?: true;
  /** Loads what a request names: beside what it has, or in its place. Absent: it has what it was started with. */
  readonly onDemand?: "adds" | "swaps";
  /** Sent for what is asked, before anything else is looked at. */
  readonly gate?: (situation: Situation, path: string) => Reply | undefined;
  /** What `GET` gets, by path. */
  readonly get: Readonly<Record<string, (situation: Situation, query: URLSearchParams) => Reply>>;
  /** Paths whose answer takes this long, ms. */
  readonly late?: Readonly<Record<string, number>>;
  /** What it gets where the path is known and switched off; default: {@link notFound}. */
  readonly off?: Readonly<Record<string, Reply>>;
  /** What it takes with `POST`, by path. */
  readonly inference: Readonly<Record<string, Dialect>>;
  /** Looked at before the inference of the same path; undefined: it is one. */
  readonly post?: Readonly<Record<string, (body: Body, situation: Situation) => Deed | undefined>>;
  /** A comment that it puts into streams to keep them open. */
  readonly comment?: string;
  /** It ends a stream that failed as one that did not, with `[DONE]`. */
  readonly endsFailedStreams?: true;
  /** It takes its key as `x-api-key`, too. */
  readonly takesApiKeyHeader?: true;
  /** Whether this path wants the key, where one is set. */
  readonly locks: (path: string) => boolean;
  readonly unauthorized: Reply;
  readonly notFound: (method: string, path: string) => Reply;
  /** Too many wait. */
  readonly overloaded: Reply;
  /** Refuses a model's name; absent: it takes any. */
  readonly unknownModel?: (model: string) => Reply;
  /** Whether a model may also be asked for by this name. Default: by its own alone. */
  readonly isCalled?: (model: string, name: string) => boolean;
  /** A failure in its own shape. */
  readonly fail: (status: number, message: string) => Reply;
}

export const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Reply => ({
  ...{ status, body, headers },
});
export const text = (status: number, body: string): Reply => ({ status, body });
export const html = (title: string): Reply => ({
  ...{ status: 200, headers: { "content-type": "text/html" }, body: `<!doctype html><title>${title}</title>` },
});
export const EMPTY: Reply = { status: 200 };

/** OpenAI's paths by the last parts of their names, as every fake worker speaks them. */
export const openai = (...names: readonly string[]): Readonly<Record<string, Dialect>> =>
  Object.fromEntries(names.map((name) => [`/v1/${name}`, DIALECTS[`/v1/${name}`] as Dialect]));
export const CHAT: Dialect = DIALECTS["/v1/chat/completions"] as Dialect;

/** A date in the past that every constructed sample shares, seconds since epoch. */
export const CREATED_S = 1_760_000_000;
/** Bytes of weights that every model has; that of Llama 3.1 8B in Q4_K_M. */
export const SIZE_BYTES = 4_912_898_304;
export const CONTEXT_TOKENS = 8_192;
/** Requests that may wait where a server knows no bound: nothing here grows for ever. */
export const QUEUE_MAX = 4_096;
