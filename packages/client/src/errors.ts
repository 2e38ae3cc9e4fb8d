import type { ErrorCode } from "@hive-registry/contract";

/**
 * A call that did not succeed. `code` is the server's own where it sent one; the client itself adds only
 * `QUEEN_UNREACHABLE`, `HIVE_UNREACHABLE`, `WORKER_UNREACHABLE`, `TIMEOUT`, {@link STREAM_CUT} and {@link BAD_REPLY}.
 * An aborted `signal` is no `ClientError`: its own reason is thrown, as `fetch` does.
 */
export class ClientError extends Error {
  readonly code: ErrorCode | (string & {});
  /** HTTP status of the reply; 0 when there was none. */
  readonly status: number;
  readonly details: unknown;
  /** Which kind of server was asked; absent where none was. */
  readonly server: "queen" | "hive" | "worker" | undefined;
  /** Seconds after which the server asks to try again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode | (string & {}),
    message: string,
    options: {
      readonly status?: number;
      readonly details?: unknown;
      readonly server?: "queen" | "hive" | "worker";
      readonly retryAfterSeconds?: number | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ClientError";
    this.code = code;
    this.status = options.status ?? 0;
    this.details = options.details;
    this.server = options.server;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A stream ended before the server said that it was complete: what came so far may be used, but it is not all. */
export const STREAM_CUT: ErrorCode & "STREAM_CUT" = "STREAM_CUT";

/** What answered is not what was asked for: not JSON, or not an event stream. Mostly another program at that address. */
export const BAD_REPLY: ErrorCode & "BAD_REPLY" = "BAD_REPLY";

/** Trying again later gives the same answer. 408, 425 and 429 ask for another try. */
export function isFinal(error: unknown): boolean {
  if (!(error instanceof ClientError)) return true;
  if (error.code === BAD_REPLY || error.code === "BODY_TOO_LARGE") return true;
  return error.status >= 400 && error.status < 500 && ![408, 425, 429].includes(error.status);
}

/** The error in a failed reply's body: ours `{error:{code,message}}`, OpenAI's `{error:{message,type,code}}`, or `{error:"text"}`. */
export function errorInBody(body: unknown): { code?: string; message: string; details?: unknown } | undefined {
  const error = property(body, "error");
  if (typeof error === "string" && error !== "") return { message: error };
  const message = property(error, "message");
  if (typeof message !== "string") return undefined;
  const code = property(error, "code") ?? property(error, "type");
  const details = property(error, "details");
  return {
    message,
    ...(typeof code === "string" || typeof code === "number" ? { code: String(code) } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
