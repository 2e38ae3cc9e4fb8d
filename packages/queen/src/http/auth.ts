import type { IncomingMessage } from "node:http";
import { bearerOf, bearsToken, type TokenCheck, tokenCheck } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";
import type { JoinTokens } from "../core/join-tokens.ts";

/** Paths that answer without a token: a load balancer asks them. */
const OPEN_PATHS = new Set(["/healthz"]);
/** The dashboard's own files: a browser that opens it sends no token. */
const PAGE = /^\/(?:assets\/.*)?$/s;
/** Where hives tell their heartbeats. */
export const HEARTBEAT_PATH = "/api/v1/heartbeat";
/** What a hive may ask with a token that is its own. */
const HIVE_PATHS = new Set([HEARTBEAT_PATH, "/readyz"]);
/** What a page from elsewhere cannot be called. */
const LOCAL_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** What a guard looks at: Node's request has it, and Fastify's. */
type Asked = Pick<IncomingMessage, "url" | "headers">;

/** Says why a request may not be answered; undefined when it may. */
export type Guard = (request: Asked) => HiveError | undefined;

/**
 * With a token: every request but the open paths and the dashboard's files must carry `authorization: Bearer TOKEN`, or
 * `x-api-key: TOKEN` as Anthropic's clients do. Who bears a hive's join token gets no further than that hive's heartbeats.
 * Without one the queen listens on loopback only, and what could still reach it is a page in a
 * browser of this machine: requests under another host name (DNS rebinding), and those of pages of other sites, are refused.
 */
export function guardOf(token: string | undefined, joinTokens: Pick<JoinTokens, "hiveOf">): Guard {
  if (token === undefined) return (request) => (isOpen(request) ? undefined : strangerError(request));
  const isFleets = tokenCheck([token]);
  return (request) => {
    if (isOpen(request) || isPage(request) || bearsToken(request.headers, isFleets)) return undefined;
    const hiveId = joinedHive(request, joinTokens);
    if (hiveId === undefined) return wrongToken(request);
    if (HIVE_PATHS.has(pathOf(request))) return undefined;
    return new HiveError("FORBIDDEN", "With its join token a hive may send its heartbeats, and nothing else");
  };
}

/**
 * For which hive heartbeats may come in this request: the one that its join token belongs to; undefined: for any.
 *
 * @throws {HiveError} why it may not be answered.
 */
export type SenderOf = (request: Asked) => string | undefined;

/** What {@link guardOf} says of the path of heartbeats, and who sends them. */
export function senderOf(token: string | undefined, joinTokens: Pick<JoinTokens, "hiveOf">): SenderOf {
  const isFleets: TokenCheck | undefined = token === undefined ? undefined : tokenCheck([token]);
  return (request) => {
    if (isFleets === undefined) {
      const fault = strangerError(request);
      if (fault !== undefined) throw fault;
      return undefined;
    }
    // First the fleet's: most hives have that one, and heartbeats are most of what comes.
    if (bearsToken(request.headers, isFleets)) return undefined;
    const hiveId = joinedHive(request, joinTokens);
    if (hiveId === undefined) throw wrongToken(request);
    return hiveId;
  };
}

/** @throws {HiveError} `FORBIDDEN` when a heartbeat of one hive comes with another's token. */
export function assertSpeaksFor(sender: string | undefined, hiveId: unknown): void {
  if (sender === undefined || sender === hiveId) return;
  throw new HiveError("FORBIDDEN", `This join token is that of the hive ${sender}: it speaks for no other`);
}

function joinedHive({ headers }: Asked, joinTokens: Pick<JoinTokens, "hiveOf">): string | undefined {
  const given = bearerOf(headers.authorization);
  return given === undefined ? undefined : joinTokens.hiveOf(given);
}

const wrongToken = ({ headers }: Asked): HiveError =>
  new HiveError(
    "UNAUTHENTICATED",
    headers.authorization === undefined ? "This queen asks for a token" : "The token is wrong",
  );

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

const isOpen = (request: Asked): boolean => OPEN_PATHS.has(pathOf(request));

const isPage = (request: Asked): boolean => PAGE.test(pathOf(request));

const pathOf = ({ url = "" }: Asked): string => {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
};
