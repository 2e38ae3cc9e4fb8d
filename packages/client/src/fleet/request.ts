import type { Policy } from "hive-registry";
import { ClientError } from "../errors.ts";
import { BODY_BYTES_MAX, type Payload, readPayload } from "./payload.ts";
import { invalid, takeWishes, type Wishes } from "./wishes.ts";

export interface FleetRequestInit extends RequestInit {
  /** Where the body does not name it. */
  readonly model?: string;
  /** A policy, a session, a hive … for this request. */
  readonly reserve?: Wishes;
  /** How long to wait for a worker with room, ms; instead of the fleet's own `waitMs`. */
  readonly waitMs?: number;
}

/** A request as it goes to one worker, and perhaps to another after it. */
export interface FleetRequest {
  /** From the root of the worker's server, with its query: `/v1/chat/completions`. */
  readonly path: string;
  readonly model: string;
  readonly wishes: Wishes;
  readonly init: RequestInit;
  readonly headers: Headers;
  readonly payload: Payload;
  readonly signal: AbortSignal | undefined;
}

/** The path that is meant, whether it was given alone or below `baseUrl`, as clients give it that know only base URLs. */
export function pathOf(input: string | URL | Request, baseUrl: string): string {
  const text = typeof input === "string" ? input : input instanceof URL ? input.href : input.url;
  if (text.startsWith("/")) return text;
  if (text.startsWith(`${baseUrl}/`)) return text.slice(baseUrl.length);
  throw new TypeError(
    `fetch: ${JSON.stringify(text)} is neither a path such as /v1/chat/completions nor below ${baseUrl}`,
  );
}

/**
 * @param defaults.policy of requests that wish for none
 * @throws {ClientError} `BODY_TOO_LARGE`; `INVALID_REQUEST` when nothing names a model, or a wish cannot be read.
 */
export async function readRequest(
  path: string,
  input: string | URL | Request,
  given: FleetRequestInit,
  defaults: { readonly policy: Policy | undefined },
): Promise<FleetRequest> {
  const {
    model: named,
    reserve,
    waitMs: _waitMs,
    body: ownBody,
    headers: ownHeaders,
    signal: ownSignal,
    ...rest
  } = given;
  const base = input instanceof Request ? input : undefined;
  const headers = new Headers(ownHeaders ?? base?.headers);
  const payload = await readPayload(ownBody ?? base?.body);
  if (payload === undefined) {
    throw new ClientError("BODY_TOO_LARGE", `The body has more than ${BODY_BYTES_MAX} bytes`, { status: 413 });
  }
  const model = named ?? payload.model;
  if (model === undefined) {
    throw invalid(`A request to ${path} must name its model: in a JSON body, or as the option model`);
  }
  if (payload.contentType !== undefined && !headers.has("content-type"))
    headers.set("content-type", payload.contentType);
  return {
    path,
    model,
    wishes: completed({ ...takeWishes(headers), ...reserve }, payload, defaults.policy),
    init: { ...rest, method: rest.method ?? base?.method ?? (payload.bodyFor(model) === undefined ? "GET" : "POST") },
    headers,
    payload,
    signal: ownSignal ?? base?.signal,
  };
}

function completed(said: Wishes, payload: Payload, usual: Policy | undefined): Wishes {
  // Who names a session wants to meet the same worker again.
  const policy = said.policy ?? (said.session === undefined ? undefined : "session");
  const wishes = policy === undefined ? said : { ...said, policy };
  if ((policy ?? usual) !== "prefix" || said.prefix_key !== undefined) return wishes;
  const prefix_key = payload.prefixKey();
  return prefix_key === "" ? wishes : { ...wishes, prefix_key };
}
