import type { HiveClient } from "@hive-registry/client";
import { type Random, randomFrom } from "@hive-registry/simulation";

/** Requests that may be open at once; what comes beyond is not sent, and counted. */
export const OPEN_MAX = 500;
/** Faster than this nobody asks. */
export const PER_SECOND_MAX = 1_000;
/** How long a request waits at the queen for a place. */
const WAIT_MS = 10_000;
/** No answer takes longer. */
const ANSWER_LIMIT_MS = 120_000;

export interface TrafficOptions {
  readonly models: readonly string[];
  readonly perSecond: number;
  readonly seed: number;
}

/** Each request that was asked is in one of `answered`, `failed`, `unserved`, unless it is still open or was left open at the end. */
export interface TrafficCounts {
  readonly sent: number;
  readonly answered: number;
  /** The worker failed, or the stream had no end. */
  readonly failed: number;
  /** The queen had no place in time. */
  readonly unserved: number;
  readonly held_back: number;
  /** Of the time from asking the queen to having a place. */
  readonly wait_mean_ms: number;
}

export interface Traffic {
  counts(): TrafficCounts;
  /** Sends nothing more, and leaves those that are open. */
  stop(): Promise<void>;
}

/** Clients that ask at random times (Poisson): a place at the queen, an answer straight from the worker, the place given back. */
export function startTraffic(
  deps: { readonly client: Pick<HiveClient, "reserve" | "release">; readonly fetch: typeof fetch },
  { models, perSecond, seed }: TrafficOptions,
): Traffic {
  const random: Random = randomFrom(seed).stream("traffic");
  const counts = { sent: 0, answered: 0, failed: 0, unserved: 0, held_back: 0 };
  const open = new Set<Promise<void>>();
  const ending = new AbortController();
  let waitSumMs = 0;
  let places = 0;
  let timer: NodeJS.Timeout;

  const ask = async (model: string, prompt: string): Promise<void> => {
    const askedMs = performance.now();
    const place = await deps.client
      .reserve({ model, wait_ms: WAIT_MS }, { signal: ending.signal })
      .catch(() => undefined);
    if (place === undefined) {
      if (!ending.signal.aborted) counts.unserved++;
      return;
    }
    waitSumMs += performance.now() - askedMs;
    places++;
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    const isWhole = await answerOf(deps.fetch, place.worker.url ?? "", { model, prompt }, signal).catch(() => false);
    const outcome = isWhole ? "ok" : ending.signal.aborted ? "cancelled" : "error";
    if (outcome !== "cancelled") counts[isWhole ? "answered" : "failed"]++;
    await deps.client.release(place.reservation_id, outcome).catch(() => undefined);
  };

  const send = (): void => {
    if (open.size >= OPEN_MAX) {
      counts.held_back++;
      return;
    }
    const asked = ask(models[random.whole(models.length)] as string, `Question ${counts.sent++}?`);
    open.add(asked);
    void asked.then(() => open.delete(asked));
  };

  let dueMs = performance.now();
  /** Timers are late: all that was due since the last one is sent. */
  const sendDue = (): void => {
    for (; dueMs <= performance.now(); dueMs += random.exponential(1_000 / perSecond)) send();
    timer = setTimeout(sendDue, dueMs - performance.now());
  };
  sendDue();

  return {
    counts: () => ({ ...counts, wait_mean_ms: places === 0 ? 0 : waitSumMs / places }),
    async stop() {
      clearTimeout(timer);
      ending.abort();
      await Promise.all(open);
    },
  };
}

/** Whether the stream came to its end. */
async function answerOf(
  fetchIt: typeof fetch,
  workerUrl: string,
  { model, prompt }: { readonly model: string; readonly prompt: string },
  signal: AbortSignal,
): Promise<boolean> {
  const response = await fetchIt(`${workerUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
    signal,
  });
  const text = await response.text();
  return response.ok && text.endsWith("data: [DONE]\n\n");
}
