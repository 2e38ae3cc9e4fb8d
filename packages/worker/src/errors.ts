/** Every failure that a client of the worker may act on: the HTTP status it becomes and OpenAI's type for it. */
export const API_ERROR = {
  INVALID_REQUEST: { status: 400, type: "invalid_request_error", code: "invalid_request" },
  UNSUPPORTED_PARAMETER: { status: 400, type: "invalid_request_error", code: "unsupported_parameter" },
  CONTEXT_TOO_LONG: { status: 400, type: "invalid_request_error", code: "context_length_exceeded" },
  UNAUTHORIZED: { status: 401, type: "authentication_error", code: "invalid_api_key" },
  FORBIDDEN: { status: 403, type: "permission_error", code: "forbidden" },
  MODEL_NOT_FOUND: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  ROUTE_NOT_FOUND: { status: 404, type: "invalid_request_error", code: "route_not_found" },
  METHOD_NOT_ALLOWED: { status: 405, type: "invalid_request_error", code: "method_not_allowed" },
  BODY_TOO_LARGE: { status: 413, type: "invalid_request_error", code: "body_too_large" },
  INTERNAL: { status: 500, type: "server_error", code: "internal_error" },
  NOT_SUPPORTED: { status: 501, type: "not_supported_error", code: "not_supported" },
  LOADING: { status: 503, type: "unavailable_error", code: "loading" },
  DRAINING: { status: 503, type: "unavailable_error", code: "draining" },
  QUEUE_FULL: { status: 503, type: "unavailable_error", code: "queue_full" },
} as const;

export type ApiErrorCode = keyof typeof API_ERROR;

/** Seconds after which a client may try again, for the failures that pass by themselves. */
const RETRY_AFTER_S: Partial<Record<ApiErrorCode, number>> = { LOADING: 2, DRAINING: 1, QUEUE_FULL: 1 };

/** What OpenAI's clients expect around every error. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** The parameter at fault, as a path into the body: `messages[0].role`. */
  readonly param: string | undefined;

  constructor(code: ApiErrorCode, message: string, param?: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.param = param;
  }

  get status(): number {
    return API_ERROR[this.code].status;
  }

  get retryAfterS(): number | undefined {
    return RETRY_AFTER_S[this.code];
  }

  toBody(): ErrorBody {
    const { type, code } = API_ERROR[this.code];
    return { error: { message: this.message, type, param: this.param ?? null, code } };
  }
}
