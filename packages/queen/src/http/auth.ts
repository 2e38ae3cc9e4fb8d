import { bearsToken } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Paths that answer without a token: a load balancer asks them. */
const OPEN_PATHS = new Set(["/healthz"]);
/** What a page from elsewhere cannot be called. */
const LOCAL_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * With a token: every request but the open paths must carry `authorization: Bearer TOKEN`. Without one the queen listens on
 * loopback only, and what could still reach it is a page in a browser of this machine: requests under another host name
 * (DNS rebinding), and those of pages of other sites, are refused.
 */
export function guard(app: FastifyInstance, token: string | undefined): void {
  app.addHook("onRequest", (request, _reply, done) => {
    const path = pathOf(request);
    if (OPEN_PATHS.has(path)) done();
    else if (token === undefined) done(strangerError(request));
    else done(tokenError(request, token));
  });
}

function tokenError(request: FastifyRequest, token: string): HiveError | undefined {
  const { authorization } = request.headers;
  if (bearsToken(authorization, token)) return undefined;
  return new HiveError(
    "UNAUTHENTICATED",
    authorization === undefined ? "This queen asks for a token" : "The token is wrong",
  );
}

function strangerError(request: FastifyRequest): HiveError | undefined {
  const host = nameOf(request.headers.host ?? "localhost");
  if (!LOCAL_NAME.test(host)) {
    return new HiveError(
      "FORBIDDEN",
      "Without a token this queen answers only to localhost. Start it with a token to use other names",
    );
  }
  const { origin } = request.headers;
  if (origin !== undefined && !LOCAL_NAME.test(nameOf(origin.replace(/^\w+:\/\//, "")))) {
    return new HiveError("FORBIDDEN", "Without a token no page of another site may ask");
  }
  return undefined;
}

const nameOf = (host: string): string => host.replace(/:\d+$/, "").toLowerCase();

const pathOf = (request: FastifyRequest): string => {
  const query = request.url.indexOf("?");
  return query === -1 ? request.url : request.url.slice(0, query);
};
