/**
 * Every failure a caller may want to act on, with the HTTP status it becomes. Documented in docs/reference/errors.md.
 * This file imports nothing: who needs only errors imports `@hive-registry/contract/errors` and starts without the schemas.
 */
export const ERROR_STATUS = {
  INVALID_REQUEST: 400,
  INVALID_JSON: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  ROUTE_NOT_FOUND: 404,
  HIVE_NOT_FOUND: 404,
  WORKER_NOT_FOUND: 404,
  MODEL_NOT_FOUND: 404,
  OPERATION_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  HIVE_ID_MISMATCH: 409,
  ALREADY_RUNNING: 409,
  PORT_IN_USE: 409,
  NOT_MANAGED: 409,
  MANAGED_ELSEWHERE: 409,
  CANCELLED: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  MODEL_INVALID: 422,
  MODEL_TRUNCATED: 422,
  TOO_MANY_REQUESTS: 429,
  INTERNAL: 500,
  HIVE_FAILED: 500,
  WORKER_FAILED: 500,
  CATALOG_CORRUPT: 500,
  CATALOG_TOO_NEW: 500,
  CATALOG_UNAVAILABLE: 500,
  ENGINE_MISSING: 501,
  AGENT_MISSING: 501,
  NODE_MISSING: 501,
  SSH_MISSING: 501,
  QUEEN_UNREACHABLE: 502,
  HIVE_UNREACHABLE: 502,
  WORKER_UNREACHABLE: 502,
  HOST_UNKNOWN: 502,
  SSH_REFUSED: 502,
  SSH_KEY_REFUSED: 502,
  HOST_KEY_UNKNOWN: 502,
  HOST_KEY_CHANGED: 502,
  SSH_FAILED: 502,
  MACHINE_FAILED: 502,
  QUEEN_OUT_OF_REACH: 502,
  BAD_REPLY: 502,
  STREAM_CUT: 502,
  NO_WORKER: 503,
  NOT_READY: 503,
  WATCH_TOO_SLOW: 503,
  SHUTTING_DOWN: 503,
  TIMEOUT: 504,
  NO_CAPACITY: 507,
  NO_SPACE: 507,
  CATALOG_FULL: 507,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** What each code means and what to do about it: the text of docs/reference/errors.md. */
export const ERROR_MEANING: Readonly<Record<ErrorCode, string>> = {
  INVALID_REQUEST:
    "A field is missing, of the wrong type or out of range. `details` names each one. Correct it; the same request never succeeds.",
  INVALID_JSON: "The body is not JSON.",
  UNAUTHENTICATED: "The token is missing or wrong. Send `authorization: Bearer TOKEN`.",
  FORBIDDEN:
    "Refused whoever asks: it came under a host name that is not this server's, or as only a web page sends it, or it concerns another user's process.",
  ROUTE_NOT_FOUND: "No such path. `/docs` lists them.",
  HIVE_NOT_FOUND: "No hive of that id is known. `hive ls` lists them.",
  WORKER_NOT_FOUND: "No worker of that id is known. `hive workers` lists them.",
  MODEL_NOT_FOUND: "The model's file does not exist, or no worker serves a model of that name.",
  OPERATION_NOT_FOUND: "No operation of that id is known; old ones are forgotten.",
  METHOD_NOT_ALLOWED: "The path exists, the method does not. `allow` names those that do.",
  HIVE_ID_MISMATCH: "A heartbeat names another hive than the connection it came on. One connection, one hive.",
  ALREADY_RUNNING: "It runs already; `details` says where.",
  MANAGED_ELSEWHERE:
    "On that machine there is a hive of another queen, or of another name. `details` says whose. Remove that one first (`hive rm`, at its queen), or take it over: `hive add HOST --take-over`.",
  CANCELLED: "Somebody cancelled the operation. What was done so far stays; the same command again finishes it.",
  PORT_IN_USE: "Another program listens on that port. Choose another one with `--port`; 0 is any free one.",
  NOT_MANAGED: "The hive did not start this worker (or the queen this hive), so it does not stop it.",
  BODY_TOO_LARGE: "The body is larger than this route takes.",
  UNSUPPORTED_MEDIA_TYPE: "Send `content-type: application/json`.",
  MODEL_INVALID: "The file is not a GGUF model, or one that the engine cannot run.",
  MODEL_TRUNCATED: "The model's file is incomplete: download it again.",
  TOO_MANY_REQUESTS: "There are as many of them as there may be. Try again when some have ended.",
  INTERNAL: "A defect of ours. The log has the reason under the reply's `x-request-id`.",
  HIVE_FAILED: "The hive ended before it was heard. The operation shows its last words; its log has the rest.",
  WORKER_FAILED:
    "The worker ended before it was ready. `details` has its last words; `hive worker logs ID` has the rest.",
  CATALOG_CORRUPT: "The catalog's file is damaged. Nothing was changed: move it away, or restore a copy.",
  CATALOG_TOO_NEW:
    "The catalog's file was written by a newer version. Nothing was changed: update, or use another `--state-dir`.",
  CATALOG_UNAVAILABLE:
    "The catalog's file cannot be read or written: no permission, no space, or another program holds it. The log says which.",
  ENGINE_MISSING: "The inference engine is not installed on that machine.",
  AGENT_MISSING: "The hive's program is not installed beside the queen, so the queen cannot start one.",
  NODE_MISSING:
    "The machine has no Node of 20.19 or newer, and there is none to bring for its system. Install Node there, and try again.",
  SSH_MISSING: "The program `ssh` is not installed where the queen runs. Install it there.",
  HOST_UNKNOWN:
    "No machine of that name is known to ssh. See that it is spelled as in ~/.ssh/config, or use its address.",
  SSH_REFUSED:
    "The machine takes no SSH connections at that port, or is not on. Turn it on, start its SSH server, or name another port: `--ssh-port N`.",
  SSH_KEY_REFUSED:
    "The machine does not take any of the keys that ssh offered. Put the public key of the queen's user there (`ssh-copy-id`), or name another one: `--identity-file FILE`.",
  HOST_KEY_UNKNOWN:
    "The machine was never seen before, so that it could be anyone. Log in once by `ssh` and compare the fingerprint, or add `--accept-new-host-key`.",
  HOST_KEY_CHANGED:
    "The machine has another host key than when it was seen first: it was installed anew, or somebody stands in between. Find out; only if it is the same machine, forget the old key by the `ssh-keygen` line that ssh shows.",
  SSH_FAILED: "The program `ssh` ended without having done its work. The operation shows what it said.",
  MACHINE_FAILED:
    "A step on that machine failed. The operation shows the machine's own last words; `hive logs HOST` has the hive's.",
  QUEEN_OUT_OF_REACH:
    "That machine cannot reach the queen's address. Start the queen with `--listen`, or name the address by which it is reached there: `hive add HOST --public-url URL`.",
  QUEEN_UNREACHABLE: "The queen did not answer. Start one with `hive up`, or name it with `--queen URL`.",
  HIVE_UNREACHABLE: "The hive did not answer at its address.",
  WORKER_UNREACHABLE: "The worker did not answer at its URL.",
  BAD_REPLY:
    "What answered is not what was asked for: no JSON, or no event stream. Mostly another program listens at that address.",
  STREAM_CUT:
    "The stream ended before the server said that it was complete. What came so far may be used, but it is not all: ask again.",
  NOT_READY: "The queen listens, but has not heard from the whole fleet yet: `details` names who is missing.",
  NO_WORKER: "No worker can take this now. Try again after `retry-after` seconds.",
  WATCH_TOO_SLOW:
    "The reader of a watch stream fell too far behind and was cut off. Watch again: it starts with a new snapshot.",
  SHUTTING_DOWN: "The server is about to stop and takes nothing new.",
  TIMEOUT: "It was not done in time.",
  NO_SPACE: "The machine's disk has no room for what is to be installed. Make room there, and do the same again.",
  CATALOG_FULL: "The catalog holds as many hives as it can. Remove some.",
  NO_CAPACITY: "No machine has room for this model. `details` says what it needs and what each one has.",
};

export interface ErrorDetail {
  /** JSON pointer into what was sent: `/workers/3/vram_bytes`. */
  readonly path: string;
  readonly message: string;
}

/** The body of every failed reply outside the OpenAI paths. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly details?: unknown };
}

/** A failure with a code. `code` is for programs and stays; `message` is for people and may change. */
export class HiveError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options?: { readonly details?: unknown; readonly cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HiveError";
    this.code = code;
    this.details = options?.details;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }

  toBody(): ErrorBody {
    const { code, message, details } = this;
    return { error: details === undefined ? { code, message } : { code, message, details } };
  }
}
