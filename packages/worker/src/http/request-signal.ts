import type { FastifyReply } from "fastify";

/** When to give up on a request. */
export interface RequestSignal {
  readonly signal: AbortSignal;
  /** Whether the client left before its reply was whole. */
  hungUp(): boolean;
  /** Call it when the request is over. */
  release(): void;
}

/**
 * Aborted when the client hangs up or `stopping` is.
 *
 * Not AbortSignal.any(): that leaves something of every request behind for as long as `stopping` lives (seen with Node 20).
 */
export function requestSignal(reply: FastifyReply, stopping: AbortSignal): RequestSignal {
  const controller = new AbortController();
  let hungUp = false;
  const onClose = (): void => {
    hungUp = !reply.raw.writableFinished;
    if (hungUp) controller.abort(new Error("the client hung up"));
  };
  const onStop = (): void => controller.abort(stopping.reason);
  reply.raw.once("close", onClose);
  if (stopping.aborted) onStop();
  else stopping.addEventListener("abort", onStop, { once: true });
  return {
    signal: controller.signal,
    hungUp: () => hungUp,
    release: () => {
      reply.raw.off("close", onClose);
      stopping.removeEventListener("abort", onStop);
    },
  };
}
