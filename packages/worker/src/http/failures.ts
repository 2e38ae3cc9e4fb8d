import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { ApiError } from "../errors.ts";

/** Each path's methods, to tell an unknown path from a wrong method. */
export const ROUTES: Readonly<Record<string, readonly string[]>> = {
  "/health": ["GET", "HEAD"],
  "/metrics": ["GET", "HEAD"],
  "/v1/models": ["GET", "HEAD"],
  "/v1/models/:id": ["GET", "HEAD"],
  "/v1/chat/completions": ["POST"],
  "/v1/completions": ["POST"],
  "/v1/embeddings": ["POST"],
};

/** Turns every failure into OpenAI's error shape; clients demand an object with a text in `message`. */
export function answerFailures(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const failure = toApiError(error);
    if (failure.code === "INTERNAL") request.log.error({ err: error }, "request failed");
    return sendFailure(reply, failure);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = (request.raw.url ?? "").split("?")[0] ?? "";
    const methods = ROUTES[path] ?? (/^\/v1\/models\/[^/]+$/.test(path) ? ROUTES["/v1/models/:id"] : undefined);
    if (methods === undefined) {
      return sendFailure(reply, new ApiError("ROUTE_NOT_FOUND", `there is no route ${request.method} ${path}`));
    }
    reply.header("allow", methods.join(", "));
    const message = `${path} takes ${methods.join(" or ")}, not ${request.method}`;
    return sendFailure(reply, new ApiError("METHOD_NOT_ALLOWED", message));
  });
}

export function sendFailure(reply: FastifyReply, failure: ApiError): FastifyReply {
  if (failure.retryAfterS !== undefined) {
    reply.header("retry-after", String(failure.retryAfterS));
    reply.header("x-should-retry", "true");
  }
  if (failure.code === "UNAUTHORIZED") reply.header("www-authenticate", "Bearer");
  return reply.code(failure.status).send(failure.toBody());
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { validation, statusCode, code, message } = error as FastifyError;
  // Where alternatives were tried, the last entry is about all of them.
  const violation = validation?.at(-1);
  if (violation !== undefined) return invalidParameter(violation);
  if (statusCode === 413) return new ApiError("BODY_TOO_LARGE", "the request's body is too large");
  if (code?.startsWith("FST_ERR_CTP") || error instanceof SyntaxError) {
    return new ApiError("INVALID_REQUEST", "the request's body is not JSON");
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new ApiError("INVALID_REQUEST", message);
  return new ApiError("INTERNAL", "something went wrong inside this worker; its log tells more");
}

/** One entry of the schema validator's report; `parentSchema` is there because the validator is verbose. */
interface Violation {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Record<string, unknown>;
  readonly message?: string;
  readonly parentSchema?: { readonly description?: string };
}

function invalidParameter(violation: Violation): ApiError {
  const at = pathOf(violation.instancePath);
  if (violation.keyword === "required") {
    const missing = [at, String(violation.params.missingProperty)].filter((part) => part !== "").join(".");
    return new ApiError("INVALID_REQUEST", `${missing} is missing`, missing);
  }
  const rule = violation.parentSchema?.description;
  const must = rule === undefined ? (violation.message ?? "is not valid") : `must be ${rule}`;
  return new ApiError("INVALID_REQUEST", `${at === "" ? "the body" : at} ${must}`, at === "" ? undefined : at);
}

/** `/messages/0/role` → `messages[0].role` */
function pathOf(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === "" ? part : `${path}.${part}`), "");
}
