import { ClientError } from "../errors.ts";

/** OpenAI's type for each status that the client itself answers with. */
const TYPE: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "invalid_request_error",
  413: "invalid_request_error",
  503: "unavailable_error",
};

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
  if (error.retryAfterSeconds !== undefined) headers.set("retry-after", String(error.retryAfterSeconds));
  if (options.final) headers.set("x-should-retry", "false");
  const isModel = error.code === "MODEL_NOT_FOUND";
  const body = {
    error: {
      message: error.message,
      type: TYPE[status] ?? "server_error",
      param: isModel ? "model" : null,
      code: error.code.toLowerCase(),
    },
  };
  return new Response(JSON.stringify(body), { status, headers });
}

/** What is no failure of the fleet is thrown as it is: an abort's reason, a programmer's mistake. */
export function refusalOrThrow(error: unknown): Response {
  if (error instanceof ClientError) return refusal(error);
  throw error;
}
