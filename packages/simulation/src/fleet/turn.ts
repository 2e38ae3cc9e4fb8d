import type { ServerResponse } from "node:http";
import type { Slots } from "./slots.ts";
import type { Spoken } from "./speak.ts";

/** How a request's turn ended; `aborted` when the client left first. */
export type Ending = "completed" | "aborted" | "died";

/**
 * Gives a request its turn: it waits for a slot, is answered, and leaves the slot when its answer is over or its client
 * gone, whichever comes first. `ended` is called once; the signal that `answer` has is aborted by then.
 *
 * @returns false when too many wait already: nothing was called, and the response is the caller's.
 */
export function takeTurn(
  { slots, response }: { readonly slots: Slots; readonly response: ServerResponse },
  turn: { readonly answer: (signal: AbortSignal) => Promise<Spoken>; readonly ended: (how: Ending) => void },
): boolean {
  const over = new AbortController();
  const end = (how: Ending) => {
    if (over.signal.aborted) return;
    over.abort();
    leave?.();
    turn.ended(how);
  };
  const leave = slots.take(() => {
    turn.answer(over.signal).then(
      (how) => how !== "left" && end(how),
      () => response.destroy(),
    );
  });
  if (leave === undefined) return false;
  const left = () => end("aborted");
  response.on("close", left);
  if (response.closed) left();
  return true;
}
