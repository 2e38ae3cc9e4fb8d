import type { Outcome } from "hive-registry";
import { onAbort } from "../abort.ts";
import { ClientError, STREAM_CUT } from "../errors.ts";
import type { Place } from "./places.ts";

/**
 * So many bytes of an answer are read before somebody asks for them: whoever drops a short answer unread gives the worker's
 * place back all the same. Of a longer one the place's own time is the bound.
 */
export const READ_AHEAD_BYTES = 65_536;

/** What a worker's answer becomes for the caller. */
export interface AnswerDeps {
  readonly place: Place;
  /** Called when the answer is over in whatever way; what comes after the first call is to be ignored. */
  readonly end: (outcome: Outcome) => void;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
}

/**
 * The worker's response with its first piece read already: same status, headers and bytes, and the worker's name beside
 * them (`x-hive-worker`, `x-hive-id`). Nothing is held back: each piece is passed on as it comes.
 */
export function answerOf(
  response: Response,
  body: { readonly first: Uint8Array; readonly rest: ReadableStreamDefaultReader<Uint8Array> } | undefined,
  deps: AnswerDeps,
): Response {
  const { place } = deps;
  const headers = new Headers(response.headers);
  headers.set("x-hive-worker", headerText(place.worker.worker_id));
  headers.set("x-hive-id", headerText(place.hive_id));
  const stream = body && passOn(body.first, body.rest, deps);
  const answer = new Response(stream ?? null, { status: response.status, statusText: response.statusText, headers });
  // A response that was put together has no address; who looks for trouble wants to know whose it is.
  Object.defineProperty(answer, "url", { value: response.url, configurable: true });
  return answer;
}

function passOn(
  first: Uint8Array,
  rest: ReadableStreamDefaultReader<Uint8Array>,
  { place, end, signal }: AnswerDeps,
): ReadableStream<Uint8Array> {
  let stay = (): void => undefined;
  const over = (outcome: Outcome) => {
    stay();
    end(outcome);
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(first);
        // Told by itself: nobody may be reading at that moment, and a full buffer asks for nothing more.
        stay = onAbort(signal, () => {
          over("cancelled");
          controller.error(signal?.reason);
        });
      },
      async pull(controller) {
        try {
          const { done, value } = await rest.read();
          if (!done) return controller.enqueue(value);
          over("ok");
          controller.close();
        } catch (cause) {
          if (signal?.aborted) return;
          over("error");
          controller.error(cutOff(place, cause));
        }
      },
      cancel(reason) {
        over("cancelled");
        return rest.cancel(reason);
      },
    },
    { highWaterMark: READ_AHEAD_BYTES, size: (piece) => piece?.byteLength ?? 0 },
  );
}

const cutOff = ({ hive_id, worker }: Place, cause: unknown): ClientError =>
  new ClientError(STREAM_CUT, `${worker.worker_id} on ${hive_id} broke off its answer`, { server: "worker", cause });

/** Ids may be any text; headers may not. */
const headerText = (id: string): string => (/^[\x20-\x7e]*$/.test(id) ? id : encodeURIComponent(id));
