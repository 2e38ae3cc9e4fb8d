import {
  compile,
  ERROR_STATUS,
  type ErrorCode,
  HiveError,
  type LibraryReply,
  LibraryReplySchema,
  type ManagedWorker,
  ManagedWorkerListSchema,
  ManagedWorkerSchema,
  type Schema,
  type StartWorker,
  type Validator,
} from "@hive-registry/contract";
import { Agent } from "undici";

/** What the queen asks of a hive's own API. `url` is where that hive says it is reached. */
export interface HiveCalls {
  library(url: string): Promise<LibraryReply>;
  workers(url: string): Promise<readonly ManagedWorker[]>;
  worker(url: string, workerId: string): Promise<ManagedWorker>;
  /** Answers when the worker's process has begun; it loads afterwards. */
  start(url: string, request: StartWorker): Promise<ManagedWorker>;
  /** Answers when the worker has ended. */
  stop(url: string, workerId: string, drainMs: number): Promise<void>;
  close(): Promise<void>;
}

/** A call that only looks, or begins something. */
export const CALL_WITHIN_MS = 10_000;
/** A worker that was asked to end gets 10 s from its hive, and then is killed. */
const STOP_WITHIN_MS = 30_000;
const CONNECT_MS = 2_000;
const REPLY_BYTES_MAX: number = 8 * 1_048_576;

const UNREACHABLE = "The hive's API is not reached from the queen";

/** No hive can be called. */
export const noHiveCalls: HiveCalls = (() => {
  const refuse = (): Promise<never> => Promise.reject(new HiveError("HIVE_UNREACHABLE", UNREACHABLE));
  return {
    ...{ library: refuse, workers: refuse, worker: refuse, start: refuse, stop: refuse },
    close: () => Promise.resolve(),
  };
})();

/**
 * Calls hives over HTTP, with the fleet's token. Every call rejects with a {@link HiveError}: the hive's own, or
 * `HIVE_UNREACHABLE`, `TIMEOUT`, `BAD_REPLY`.
 */
export class HttpHiveCalls implements HiveCalls {
  readonly #agent: Agent = new Agent({
    connect: { timeout: CONNECT_MS },
    maxResponseSize: REPLY_BYTES_MAX,
    // Each call has a limit of its own; one that waits for a worker to finish is silent for long.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  readonly #token: string | undefined;

  constructor(token: string | undefined) {
    this.#token = token;
  }

  async library(url: string): Promise<LibraryReply> {
    return checked(LibraryReplySchema, await this.#call(url, "GET", "/v1/models"));
  }

  async workers(url: string): Promise<readonly ManagedWorker[]> {
    return checked(ManagedWorkerListSchema, await this.#call(url, "GET", "/v1/workers")).workers;
  }

  async worker(url: string, workerId: string): Promise<ManagedWorker> {
    return checked(ManagedWorkerSchema, await this.#call(url, "GET", pathOf(workerId)));
  }

  async start(url: string, request: StartWorker): Promise<ManagedWorker> {
    return checked(ManagedWorkerSchema, await this.#call(url, "POST", "/v1/workers", { body: request }));
  }

  async stop(url: string, workerId: string, drainMs: number): Promise<void> {
    const path = `${pathOf(workerId)}?drain_ms=${drainMs}`;
    await this.#call(url, "DELETE", path, { withinMs: drainMs + STOP_WITHIN_MS });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #call(
    url: string,
    method: "GET" | "POST" | "DELETE",
    path: string,
    options: { readonly body?: unknown; readonly withinMs?: number } = {},
  ): Promise<unknown> {
    const { body, withinMs = CALL_WITHIN_MS } = options;
    const base = new URL(url);
    const reply = await this.#agent
      .request({
        origin: base.origin,
        path: base.pathname.replace(/\/$/, "") + path,
        method,
        headers: {
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(withinMs),
      })
      .then(async ({ statusCode, body: answer }) => ({ status: statusCode, text: await answer.text() }))
      .catch((cause: unknown) => {
        throw notReached(cause, withinMs);
      });
    if (reply.status >= 200 && reply.status < 300) return parsed(reply.text);
    throw refusal(reply.status, parsed(reply.text));
  }
}

const pathOf = (workerId: string): string => `/v1/workers/${encodeURIComponent(workerId)}`;

function notReached(cause: unknown, withinMs: number): HiveError {
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return new HiveError("TIMEOUT", `The hive did not answer within ${withinMs} ms`, { cause });
  }
  return new HiveError("HIVE_UNREACHABLE", UNREACHABLE, { cause });
}

/** The hive's own failure. That it does not take the queen's token is no fault of who asked the queen. */
function refusal(status: number, value: unknown): HiveError {
  if (status === 401) return new HiveError("HIVE_UNREACHABLE", "The hive does not take the queen's token");
  const error = isRecord(value) && isRecord(value.error) ? value.error : {};
  const { code, message, details } = error;
  if (typeof code !== "string" || typeof message !== "string" || !isCode(code)) {
    return new HiveError("BAD_REPLY", `The hive answered with status ${status}`);
  }
  return new HiveError(code, message, { details });
}

export const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_STATUS, code);

const validators = new Map<Schema<unknown>, Validator<unknown>>();

function checked<T>(schema: Schema<T>, value: unknown): T {
  const validator = (validators.get(schema) as Validator<T> | undefined) ?? compile(schema);
  validators.set(schema, validator);
  if (validator.check(value)) return value;
  throw new HiveError("BAD_REPLY", "What answers at the hive's address is not a hive of this version");
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
