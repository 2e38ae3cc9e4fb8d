import type { IncomingMessage } from "node:http";
import { bearsToken, isToken } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";

/** Paths that answer without a token: a load balancer asks them. */
const OPEN_PATHS = new Set(["/healthz"]);
/** What a page from elsewhere cannot be called. */
const LOCAL_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** What a guard looks at: Node's request has it, and Fastify's. */
type Asked = Pick<IncomingMessage, "url" | "headers">;

/** Says why a request may not be answered; undefined when it may. */
export type Guard = (request: Asked) => HiveError | undefined;

/**
 * With a token: every request but the open paths must carry `authorization: Bearer TOKEN`, or `x-api-key: TOKEN` as
 * Anthropic's clients do. Without one the queen listens on loopback only, and what could still reach it is a page in a
 * browser of this machine: requests under another host name (DNS rebinding), and those of pages of other sites, are refused.
 */
export function guardOf(token: string | undefined): Guard {
  const faultOf = token === undefined ? strangerError : (request: Asked) => tokenError(request, token);
  return (request) => (OPEN_PATHS.has(pathOf(request)) ? undefined : faultOf(request));
}

function tokenError({ headers }: Asked, token: string): HiveError | undefined {
  const { authorization, "x-api-key": key } = headers;
  if (bearsToken(authorization, token) || (typeof key === "string" && isToken(key, token))) return undefined;
  return new HiveError(
    "UNAUTHENTICATED",
    authorization === undefined ? "This queen asks for a token" : "The token is wrong",
  );
}

function strangerError({ headers }: Asked): HiveError | undefined {
  const host = nameOf(headers.host ?? "localhost");
  if (!LOCAL_NAME.test(host)) {
    return new HiveError(
      "FORBIDDEN",
      "Without a token this queen answers only to localhost. Start it with a token to use other names",
    );
  }
  const { origin } = headers;
  if (origin !== undefined && !isLocalOrigin(origin)) {
    return new HiveError("FORBIDDEN", "Without a token no page of another site may ask");
  }
  return undefined;
}

/** A page of this machine. */
export const isLocalOrigin = (origin: string): boolean => LOCAL_NAME.test(nameOf(origin.replace(/^\w+:\/\//, "")));

const nameOf = (host: string): string => host.replace(/:\d+$/, "").toLowerCase();

const pathOf = ({ url = "" }: Asked): string => {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
};
