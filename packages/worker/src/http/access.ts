import { bearsToken, isToken } from "@hive-registry/command";
import type { FastifyInstance } from "fastify";
import { ApiError } from "../errors.ts";

const MAX_ECHOED_HEADER_LENGTH = 4096;
const PREFLIGHT_MAX_AGE_S = 86_400;

/**
 * Lets web pages of any origin ask: clients reach workers directly. Browsers send no token with a preflight, so it is
 * answered before the token is looked at.
 */
export function allowBrowsers(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.header("access-control-allow-origin", "*");
    reply.header("access-control-expose-headers", "x-request-id, retry-after, x-should-retry");
    if (request.method !== "OPTIONS") return;
    const asked = request.headers["access-control-request-headers"];
    // "*" would not cover authorization, so what was asked for is named.
    const echo = asked !== undefined && asked.length <= MAX_ECHOED_HEADER_LENGTH;
    reply.header("access-control-allow-headers", echo ? asked : "authorization, content-type");
    reply.header("access-control-allow-methods", "GET, POST, OPTIONS");
    reply.header("access-control-max-age", String(PREFLIGHT_MAX_AGE_S));
    reply.header("vary", "access-control-request-headers");
    if (request.headers["access-control-request-private-network"] === "true") {
      reply.header("access-control-allow-private-network", "true");
    }
    return await reply.code(204).send();
  });
}

/** Demands the token on every route but `/health`, as `authorization: Bearer` or `x-api-key`. */
export function demandToken(app: FastifyInstance, token: string): void {
  app.addHook("onRequest", async (request) => {
    if (request.routeOptions.url === "/health") return;
    const { authorization, "x-api-key": key } = request.headers;
    if (bearsToken(authorization, token) || (typeof key === "string" && isToken(key, token))) return;
    throw new ApiError("UNAUTHORIZED", "this worker wants its API key: authorization: Bearer KEY");
  });
}
