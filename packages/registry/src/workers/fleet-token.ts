import type { WorkerInfo } from "../types.ts";

/** What the bundled workers call their engine. They take the fleet's token as their key. */
const OUR_ENGINE = "llama-cpp";
/** Below its own URL a hive passes requests on to servers whose key it has; there it may demand the token, as for all else. */
const RELAY_PATH = "/v1/servers/";
/** One part of a path, that no reader of URLs takes for a way up or down. */
const WORKER_ID = /^(?!(?:\.|%2e){1,2}$)[\w.~!*'()%-]+$/i;

/**
 * Whether a request to this worker may carry the fleet's token as its key. Only the bundled workers and the worker's own hive
 * know it already; of others nobody must get to see it, and a URL elsewhere that only looks like a hive's is such another.
 *
 * @param hiveUrl where the worker's hive says that it is itself reached; only asked for where it matters.
 */
export function takesFleetToken(
  { engine, url }: Pick<WorkerInfo, "engine" | "url">,
  hiveUrl: () => string | undefined,
): boolean {
  if (engine === OUR_ENGINE) return true;
  if (url === undefined || !url.includes(RELAY_PATH)) return false;
  const own = hiveUrl()?.replace(/\/+$/, "");
  if (own === undefined || !url.startsWith(own + RELAY_PATH)) return false;
  return WORKER_ID.test(url.slice(own.length + RELAY_PATH.length));
}
