import { HiveError } from "@hive-registry/contract";
import type { FastifyError } from "fastify";

/** Turns whatever a request failed with into an error with a code. Unknown ones keep their text to themselves. */
export function toHiveError(error: unknown): HiveError {
  if (error instanceof HiveError) return error;
  const { code, statusCode } = (error ?? {}) as Partial<FastifyError>;
  const cause = { cause: error };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new HiveError("BODY_TOO_LARGE", "The body is larger than this route takes", cause);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new HiveError("UNSUPPORTED_MEDIA_TYPE", "Send content-type: application/json", cause);
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
    case "FST_ERR_CTP_INVALID_JSON_BODY":
      return new HiveError("INVALID_JSON", "The body is not JSON", cause);
  }
  if (error instanceof SyntaxError && statusCode === 400)
    return new HiveError("INVALID_JSON", "The body is not JSON", cause);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new HiveError("INVALID_REQUEST", "The request cannot be understood", cause);
  }
  return new HiveError("INTERNAL", "Something went wrong in the hive; its log has the reason", cause);
}
