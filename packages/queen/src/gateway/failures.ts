import { type ErrorCode, HiveError } from "@hive-registry/contract";
import type { Dialect } from "./paths.ts";

/** What a client is told when it gets no answer. */
export interface Failure {
  readonly status: number;
  /** Of the body: JSON. */
  readonly body: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/** Whether asking the same again may help: `later` when it was not tried enough, `spent` when our own tries were. */
export type Retry = "later" | "spent" | "useless";

/** Codes that OpenAI's clients know by another name than ours in small letters. */
const OPENAI_CODE: Partial<Record<ErrorCode, string>> = { UNAUTHENTICATED: "invalid_api_key" };
const RETRY_AFTER_SECONDS = 1;
const RETRY_AFTER_SPENT_SECONDS = 5;
/** A worker's own words are passed on up to this length. */
const MESSAGE_CHARS_MAX = 2_000;

export interface FailureOptions {
  /** The member of the body, or the header, that is at fault. */
  readonly param?: string | undefined;
  readonly retry?: Retry | undefined;
}

/** A failure of ours, in the shape of the path. */
export function failureOf(dialect: Dialect, error: HiveError, options: FailureOptions = {}): Failure {
  const { status, message } = error;
  const { param, retry = status === 503 || status === 429 ? "later" : "useless" } = options;
  const code = OPENAI_CODE[error.code] ?? error.code.toLowerCase();
  const body = dialect === "openai" ? openAiBody(status, message, { param, code }) : anthropicBody(status, message);
  const headers = ["content-type", "application/json; charset=utf-8"];
  if (status === 401) headers.push("www-authenticate", "Bearer");
  return { status, body, headers: [...headers, ...retryHeaders(retry)] };
}

/**
 * A worker's failure, passed on: its status, its body when that has the shape of the path already, else its message in that
 * shape. Inference servers differ: `{"error":"…"}`, `{"detail":[…]}`, plain text, nothing.
 */
export function workerFailure(
  dialect: Dialect,
  status: number,
  reply: Buffer,
  options: { readonly retryAfter?: string | undefined; readonly retry: Retry },
): Failure {
  const { retryAfter, retry } = options;
  const headers = ["content-type", "application/json; charset=utf-8"];
  if (retryAfter !== undefined) headers.push("retry-after", retryAfter);
  const [, , ...shouldRetry] = retryHeaders(retry);
  headers.push(...(retryAfter === undefined ? retryHeaders(retry) : shouldRetry));
  return { status, headers, body: workerBody(dialect, status, reply) };
}

/** The same failure as events of a stream that has begun. */
export function failureEvent(dialect: Dialect, body: string): string {
  return dialect === "anthropic" ? `event: error\ndata: ${body}\n\n` : `data: ${body}\n\n`;
}

function retryHeaders(retry: Retry): readonly string[] {
  if (retry === "later") return ["retry-after", String(RETRY_AFTER_SECONDS)];
  return retry === "spent" ? ["retry-after", String(RETRY_AFTER_SPENT_SECONDS), "x-should-retry", "false"] : [];
}

function workerBody(dialect: Dialect, status: number, reply: Buffer): string {
  const text = reply.toString();
  const value = parsed(text);
  if (isRecord(value)) {
    const { error } = value;
    const hasMessage = isRecord(error) && typeof error.message === "string";
    if (dialect === "openai" && hasMessage) return text;
    if (dialect === "anthropic" && value.type === "error" && hasMessage && typeof error.type === "string") return text;
  }
  const message = (messageIn(value) ?? plainLine(text) ?? `The worker answered with status ${status}`).slice(
    0,
    MESSAGE_CHARS_MAX,
  );
  if (dialect === "anthropic") return anthropicBody(status, message);
  return openAiBody(status, message, { param: textIn(value, "param"), code: codeIn(value) });
}

const openAiBody = (
  status: number,
  message: string,
  { param, code }: { readonly param?: string | undefined; readonly code?: string | undefined },
): string => JSON.stringify({ error: { message, type: openAiType(status), param: param ?? null, code: code ?? null } });

const anthropicBody = (status: number, message: string): string =>
  JSON.stringify({ type: "error", error: { type: anthropicType(status), message } });

function openAiType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  if (status === 503) return "unavailable_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

function anthropicType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 404) return "not_found_error";
  if (status === 413) return "request_too_large";
  if (status === 429) return "rate_limit_error";
  if (status === 503) return "overloaded_error";
  if (status === 504) return "timeout_error";
  return status < 500 ? "invalid_request_error" : "api_error";
}

/** The message, wherever inference servers put it. */
function messageIn(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (!isRecord(value)) return undefined;
  const { error, message, detail } = value;
  if (isRecord(error)) return messageIn(error);
  for (const text of [error, message, detail]) if (typeof text === "string" && text !== "") return text;
  if (!Array.isArray(detail)) return undefined;
  // FastAPI: one entry for each field that is wrong.
  const faults = detail.filter(isRecord).map(({ loc, msg }) => {
    const where = Array.isArray(loc) ? loc.filter((part) => part !== "body").join(".") : "";
    return where === "" ? String(msg) : `${where}: ${msg}`;
  });
  return faults.length === 0 ? undefined : faults.join("; ");
}

/** Codes are texts; a server that repeats its status there has none. */
function codeIn(value: unknown): string | undefined {
  return textIn(value, "code") ?? textIn(value, "error_type");
}

function textIn(value: unknown, name: string): string | undefined {
  if (!isRecord(value)) return undefined;
  const inside = isRecord(value.error) ? value.error : value;
  const text = inside[name];
  return typeof text === "string" ? text : undefined;
}

/** One line that people wrote; not a page of HTML, and not a program's trace. */
function plainLine(text: string): string | undefined {
  const line = text.trim();
  return line === "" || line.length > 300 || /[\n<{]/.test(line) ? undefined : line;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is thrown while a request is read. */
export class Refusal extends Error {
  readonly error: HiveError;
  readonly param: string | undefined;

  constructor(code: ErrorCode, message: string, param?: string) {
    super(message);
    this.name = "Refusal";
    this.error = new HiveError(code, message);
    this.param = param;
  }
}
