import { bearsToken, type TokenCheck } from "@hive-registry/command";
import type { FastifyInstance } from "fastify";
import { ApiError } from "../errors.ts";

const MAX_ECHOED_HEADER_LENGTH = 4096;
const PREFLIGHT_MAX_AGE_S = 86_400;

const LOCAL_ORIGIN = /^https?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * Lets web pages ask: clients reach workers directly. Where a token is demanded any page may, for it must have the token;
 * where none is, only pages of this machine, or every site that its user visits could use his GPU. Browsers send no token
 * with a preflight, so it is answered before the token is looked at.
 */
export function allowBrowsers(app: FastifyInstance, options: { readonly anySite: boolean }): void {
  app.addHook("onRequest", async (request, reply) => {
    const { origin } = request.headers;
    if (!options.anySite) {
      reply.header("vary", "origin");
      if (origin !== undefined && !LOCAL_ORIGIN.test(origin)) {
        throw new ApiError("FORBIDDEN", "without an API key this worker answers no page of another site");
      }
    }
    reply.header("access-control-allow-origin", options.anySite ? "*" : (origin ?? "*"));
    reply.header("access-control-expose-headers", "x-request-id, retry-after, x-should-retry");
    if (request.method !== "OPTIONS") return;
    const asked = request.headers["access-control-request-headers"];
    // "*" would not cover authorization, so what was asked for is named.
    const echo = asked !== undefined && asked.length <= MAX_ECHOED_HEADER_LENGTH;
    reply.header("access-control-allow-headers", echo ? asked : "authorization, content-type");
    reply.header("access-control-allow-methods", "GET, POST, OPTIONS");
    reply.header("access-control-max-age", String(PREFLIGHT_MAX_AGE_S));
    reply.header("vary", options.anySite ? "access-control-request-headers" : "origin, access-control-request-headers");
    if (request.headers["access-control-request-private-network"] === "true") {
      reply.header("access-control-allow-private-network", "true");
    }
    return await reply.code(204).send();
  });
}

/** Demands a token on every route but `/health`, as `authorization: Bearer` or `x-api-key`. */
export function demandToken(app: FastifyInstance, isKnown: TokenCheck): void {
  app.addHook("onRequest", async (request) => {
    if (request.routeOptions.url === "/health") return;
    if (bearsToken(request.headers, isKnown)) return;
    throw new ApiError("UNAUTHORIZED", "this worker wants its API key: authorization: Bearer KEY");
  });
}
