import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Answer } from "./answer.ts";
import type { Body, Dialect } from "./dialects.ts";
import type { Fault } from "./fault.ts";

export interface Pace {
  readonly firstTokenMs: number;
  readonly tokenMs: number;
  readonly fault: Fault | undefined;
  readonly beforeToken: ((at: number) => Promise<void>) | undefined;
}

/** `left`: the signal ended it, or it hangs for ever. */
export type Spoken = "completed" | "died" | "left";

/** Writes an answer, streamed or in one piece, token by token at its pace, and lets the fault happen on the way. */
export async function speak(
  what: {
    readonly response: ServerResponse;
    readonly dialect: Dialect;
    readonly body: Body;
    readonly answer: Answer;
    readonly signal: AbortSignal;
  },
  pace: Pace,
): Promise<Spoken> {
  const { response, dialect, body, answer, signal } = what;
  const { fault } = pace;
  const stopsAt = fault?.kind === "hang" || fault?.kind === "die" ? (fault.after_tokens ?? 0) : Infinity;
  const stream = streamOf(dialect, body);
  const startMs = performance.now() + pace.firstTokenMs;
  const stop = (): Spoken => {
    if (fault?.kind === "hang") return "left";
    // What was written reaches the client; the end of the answer does not.
    response.socket?.destroySoon();
    return "died";
  };

  if (stopsAt === 0) return stop();
  await until(startMs, signal);
  if (signal.aborted) return "left";
  if (stream !== undefined) {
    response.writeHead(200, { "content-type": stream.type ?? "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    response.write(stream.first(answer));
  }
  for (const [at, token] of answer.tokens.entries()) {
    if (at >= stopsAt) return stop();
    if (pace.beforeToken !== undefined) await pace.beforeToken(at);
    else if (at > 0) await until(startMs + at * pace.tokenMs, signal);
    if (signal.aborted) return "left";
    if (stream !== undefined) response.write(stream.token(answer, token));
  }
  // An answer that is shorter than the fault waits for ends without its end.
  if (stopsAt !== Infinity) return stop();
  if (stream !== undefined) response.end(stream.last(answer, body));
  else {
    const text = JSON.stringify(dialect.whole(answer, body));
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  }
  return "completed";
}

/** How the answer to this request is streamed; undefined when it is sent in one piece. */
export function streamOf({ stream }: Dialect, body: Body): Dialect["stream"] {
  const isWanted = stream?.isWanted?.(body) ?? body.stream === true;
  return isWanted ? stream : undefined;
}

/** Counted from the beginning, so that late timers do not add up. At once when it is over already. */
async function until(atMs: number, signal: AbortSignal): Promise<void> {
  const leftMs = atMs - performance.now();
  if (leftMs > 0) await wait(leftMs, undefined, { signal }).catch(() => undefined);
}
