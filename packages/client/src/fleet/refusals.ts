import { ClientError } from "../errors.ts";

/** OpenAI's types for statuses; others below 500 are the request's fault, those above the server's. */
const TYPE: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
  503: "unavailable_error",
};
/** Codes that OpenAI's clients know by another name than ours in small letters. */
const OPENAI_CODE: Readonly<Record<string, string>> = { UNAUTHENTICATED: "invalid_api_key" };
/** When our own tries are spent, somebody else may try again after so long. */
const RETRY_AFTER_SPENT_SECONDS = 5;

/** Codes of failures that had no reply, as the statuses that the error table gives them. */
const STATUS: Readonly<Record<string, number>> = { TIMEOUT: 504, NO_WORKER: 503, NOT_READY: 503, BODY_TOO_LARGE: 413 };

/**
 * A failure as the queen's gateway would answer it, in OpenAI's shape: OpenAI's clients understand it, and turn it into the
 * error that stands for it.
 *
 * @param options.final all that can be tried was tried: OpenAI's clients are told not to try again by themselves.
 */
export function refusal(error: ClientError, options: { readonly final?: boolean } = {}): Response {
  const status = error.status === 0 ? (STATUS[error.code] ?? 502) : error.status;
  const headers = new Headers({ "content-type": "application/json" });
  const retryAfter = error.retryAfterSeconds ?? (options.final ? RETRY_AFTER_SPENT_SECONDS : undefined);
  if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
  if (options.final) headers.set("x-should-retry", "false");
  const isModel = error.code === "MODEL_NOT_FOUND";
  const body = {
    error: {
      message: error.message,
      type: TYPE[status] ?? (status < 500 ? "invalid_request_error" : "server_error"),
      param: isModel ? "model" : null,
      code: OPENAI_CODE[error.code] ?? error.code.toLowerCase(),
    },
  };
  return new Response(JSON.stringify(body), { status, headers });
}

/** What is no failure of the fleet is thrown as it is: an abort's reason, a programmer's mistake. */
export function refusalOrThrow(error: unknown): Response {
  if (error instanceof ClientError) return refusal(error);
  throw error;
}
