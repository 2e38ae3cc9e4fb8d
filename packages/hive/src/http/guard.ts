/** Who may call the hive's API: decided from the request's headers alone. */
import { bearerOf, isLoopback, type TokenCheck } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";

export interface GuardOptions {
  readonly listen: string;
  /** Recognises the tokens that let in; undefined: this hive knows none. */
  readonly isKnown: TokenCheck | undefined;
  /** Further names by which this hive is called. */
  readonly names: readonly string[];
}

export interface Asking {
  readonly method: string;
  /** The pattern that the path was matched to, so that no other spelling of a path slips by; undefined when there is none. */
  readonly route: string | undefined;
  readonly headers: {
    readonly host?: string | undefined;
    readonly origin?: string | undefined;
    readonly authorization?: string | undefined;
    readonly "x-hive-shutdown"?: string | string[] | undefined;
  };
}

const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether every route but `/healthz` needs the token: wherever others can reach the port. */
export const demandsToken = (listen: string): boolean => !isLoopback(listen);

/**
 * Lets a request through or says why not.
 *
 * @throws {HiveError} `UNAUTHENTICATED`, or `FORBIDDEN` for what only a web page in a browser of this machine would send.
 */
export function admit({ method, route, headers }: Asking, options: GuardOptions): void {
  const { listen, isKnown } = options;
  if (isLoopback(listen) && !isOurName(headers.host, options)) {
    // A page whose name was rebound to 127.0.0.1 is "same origin" to its browser; the Host header gives it away.
    throw new HiveError("FORBIDDEN", "This hive listens on loopback only and is not called by that host name");
  }
  if (!READS.has(method) && headers.origin !== undefined) {
    throw new HiveError("FORBIDDEN", "Web pages may not change what runs on this machine");
  }
  if (route === "/healthz") return;
  const isShutdown = route === "/v1/shutdown" && method === "POST";
  const needsToken = demandsToken(listen) || (isShutdown && isKnown !== undefined);
  if (needsToken) {
    const given = bearerOf(headers.authorization);
    if (given !== undefined && isKnown?.(given) === true) return;
    throw new HiveError("UNAUTHENTICATED", "Send the fleet's token: authorization: Bearer TOKEN");
  }
  // A header that a page cannot send without asking first.
  if (isShutdown && headers["x-hive-shutdown"] !== "yes") {
    throw new HiveError("FORBIDDEN", "Send the header x-hive-shutdown: yes");
  }
}

function isOurName(host: string | undefined, { listen, names }: GuardOptions): boolean {
  const name = (host ?? "").replace(/:\d{1,5}$/, "").toLowerCase();
  return isLoopback(name) || [listen, ...names].some((ours) => ours.toLowerCase() === name);
}
