import type { Operation } from "@hive-registry/contract";
import { type BackoffOptions, backoffMs, pause } from "./backoff.ts";
import { BAD_REPLY, ClientError, isFinal, STREAM_CUT } from "./errors.ts";
import type { Transport } from "./transport.ts";

export interface FollowOperationOptions {
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** A stream on which nothing comes for so long is opened anew, which brings the operation as it is then. */
  readonly idleMs?: number;
}

/** How often in a row a broken stream is opened anew: with {@link FOLLOW_BACKOFF} about 40 s, enough for a queen to restart. */
export const FOLLOW_TRIES_MAX = 24;
export const FOLLOW_BACKOFF: BackoffOptions = { firstMs: 100, maxMs: 2_500 };
export const FOLLOW_IDLE_MS = 30_000;

/** Each state of an operation that is heard of, the last one being its end. */
export async function* operationStream(
  queen: Transport,
  path: string,
  options: FollowOperationOptions,
): AsyncGenerator<Operation, void> {
  const { signal } = options;
  for (let attempt = 0; ; ) {
    try {
      const events = queen.events(path, {
        idleMs: options.idleMs ?? FOLLOW_IDLE_MS,
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const event of events) {
        if (event.event !== "operation") continue;
        attempt = 0;
        const operation = parsed(event.data);
        yield operation;
        if (operation.state !== "running") return;
      }
      throw new ClientError(STREAM_CUT, "The queen closed the stream of the operation before its end");
    } catch (error) {
      attempt += 1;
      if (signal?.aborted || isFinal(error) || attempt >= FOLLOW_TRIES_MAX) throw error;
      await pause(backoffMs(attempt, options.backoff ?? FOLLOW_BACKOFF, Math.random()), signal);
    }
  }
}

function parsed(data: string): Operation {
  try {
    return JSON.parse(data) as Operation;
  } catch (cause) {
    throw new ClientError(BAD_REPLY, "The stream of an operation carried something that is not JSON", { cause });
  }
}
