import { isLocalOrigin } from "./auth.ts";
import type { Door } from "./door.ts";

const PREFLIGHT_MAX_AGE_S = 86_400;
const ECHOED_HEADER_LENGTH_MAX = 4_096;
const EXPOSED = [
  ...["x-request-id", "retry-after", "x-should-retry"],
  ...["x-hive-worker", "x-hive-id", "x-hive-queue-ms", "x-hive-reservation"],
].join(", ");
const METHODS = "GET, POST, PUT, DELETE, OPTIONS";

/**
 * Lets web pages read what the queen answers. Where a token is demanded any page may, for it must have the token; where none
 * is, only pages of this machine, as the guard has it. Browsers send no token with a preflight, so it is answered here,
 * before the token is looked at. Workers do the same.
 */
export function corsDoor(options: { readonly anySite: boolean }): Door {
  return (request, response) => {
    const { origin } = request.headers;
    if (origin === undefined || !(options.anySite || isLocalOrigin(origin))) return false;
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", EXPOSED);
    response.setHeader("vary", "origin");
    if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
    const asked = request.headers["access-control-request-headers"];
    const isShort = asked !== undefined && asked.length <= ECHOED_HEADER_LENGTH_MAX;
    response.setHeader("access-control-allow-headers", isShort ? asked : "authorization, content-type, x-api-key");
    response.setHeader("access-control-allow-methods", METHODS);
    response.setHeader("access-control-max-age", PREFLIGHT_MAX_AGE_S);
    if (request.headers["access-control-request-private-network"] === "true") {
      response.setHeader("access-control-allow-private-network", "true");
    }
    response.writeHead(204).end();
    return true;
  };
}
