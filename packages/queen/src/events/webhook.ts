import { createHmac } from "node:crypto";
import type { FleetEvent } from "@hive-registry/contract";
import type { Clock } from "../core/clock.ts";
import { type EventLog, eventFilter } from "./event-log.ts";

/** Events in one message. */
export const BATCH_MAX = 100;
/** Events that happen together are sent together. */
export const GATHER_MS = 200;
/** How long a receiver may take for its answer. */
export const TIMEOUT_MS = 10_000;
export const RETRY_FIRST_MS = 1_000;
export const RETRY_MAX_MS = 60_000;
/** Of what a receiver answers, these mean that it may take the same later. */
const LATER_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** What a receiver gets. */
export interface WebhookMessage {
  readonly run_id: string;
  readonly events: readonly FleetEvent[];
  /** Events since the message before that are lost to the receiver: it was away for longer than they are kept, or refused them. */
  readonly lost: number;
}

/** What became of events, since the start. */
export interface WebhookCounts {
  delivered: number;
  refused: number;
  /** No longer kept when their turn came. */
  forgotten: number;
  failed_tries: number;
  /** Events of the log that the receiver may still get. */
  waiting: number;
}

interface WebhookDeps {
  readonly events: EventLog;
  readonly clock: Pick<Clock, "nowMs" | "after">;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Written as it goes, for whoever measures. */
  readonly counts?: WebhookCounts;
  /** 0 to 1. */
  readonly random?: () => number;
}

interface WebhookOptions {
  readonly url: string;
  readonly secret: string | undefined;
  readonly types: readonly string[];
}

/**
 * Sends events to a receiver, in order and each at least once, as long as the log keeps them: the log is the queue, so a receiver that
 * is down costs no memory, and what it misses beyond that is counted. One message is under way at a time. Redirects are not followed.
 *
 * @returns the function that ends it.
 */
export function startWebhook(deps: WebhookDeps, { url, secret, types }: WebhookOptions): () => void {
  const { events, clock, log, random = Math.random, counts = noCounts() } = deps;
  const filters = types.map((type) => eventFilter({ type }));
  const fits = (event: FleetEvent) => filters.length === 0 || filters.some((filter) => filter(event));
  const where = new URL(url).origin;
  const stopping = new AbortController();
  /** Up to here the receiver has all, or will never have it. */
  let place = 0;
  let lost = 0;
  let failures = 0;
  let isBusy = false;
  let stopTimer: () => void = () => {};

  const wake = () => {
    counts.waiting = events.last - place;
    if (isBusy || place >= events.last) return;
    isBusy = true;
    stopTimer = clock.after(GATHER_MS, () => void run());
  };
  const stopListening = events.onAppend(wake);
  wake();

  return () => {
    stopListening();
    stopTimer();
    stopping.abort();
  };

  async function run(): Promise<void> {
    const { batch, upTo } = nextBatch();
    if (batch.length > 0) {
      const fault = await send({ run_id: events.runId, events: batch, lost });
      if (stopping.signal.aborted) return;
      if (fault?.isForNow === true) {
        failures++;
        counts.failed_tries++;
        if (failures === 1) log.warn({ receiver: where, why: fault.why }, "events cannot be sent: trying again");
        const full = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 30));
        stopTimer = clock.after(Math.round(full * (0.5 + random() / 2)), () => void run());
        return;
      }
      if (fault !== undefined)
        log.warn({ receiver: where, why: fault.why, events: batch.length }, "events are refused");
      else if (failures > 0) log.info({ receiver: where, lost }, "events are sent again");
      counts[fault === undefined ? "delivered" : "refused"] += batch.length;
      failures = 0;
      lost = fault === undefined ? 0 : lost + batch.length;
    }
    place = upTo;
    isBusy = false;
    wake();
  }

  function nextBatch(): { readonly batch: readonly FleetEvent[]; readonly upTo: number } {
    const forgotten = Math.max(0, events.forgotten - place);
    // Whether they would have fitted is forgotten too.
    lost += forgotten;
    counts.forgotten += forgotten;
    place += forgotten;
    const batch: FleetEvent[] = [];
    let upTo = place;
    while (upTo < events.last && batch.length < BATCH_MAX) {
      const event = events.at(++upTo);
      if (event !== undefined && fits(event)) batch.push(event);
    }
    return { batch, upTo };
  }

  /** @returns what went wrong; undefined when the receiver has them. */
  async function send(
    message: WebhookMessage,
  ): Promise<{ readonly why: string; readonly isForNow: boolean } | undefined> {
    const body = JSON.stringify(message);
    const timestamp = String(Math.floor(clock.nowMs() / 1_000));
    try {
      const reply = await fetch(url, {
        method: "POST",
        redirect: "manual",
        headers: {
          ...{ "content-type": "application/json", "user-agent": "hive-registry", "x-hive-timestamp": timestamp },
          ...(secret === undefined ? {} : { "x-hive-signature": signatureOf(body, timestamp, secret) }),
        },
        body,
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await reply.body?.cancel();
      if (reply.ok) return undefined;
      const isForNow = reply.status >= 500 || LATER_STATUSES.has(reply.status);
      return { why: `it answered with status ${reply.status}`, isForNow };
    } catch (error) {
      return { why: reasonOf(error), isForNow: true };
    }
  }
}

export const noCounts = (): WebhookCounts => ({ delivered: 0, refused: 0, forgotten: 0, failed_tries: 0, waiting: 0 });

/** Over the time too, so that an old message cannot be sent again as a new one. */
export function signatureOf(body: string, timestamp: string, secret: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
