import type { ReservationReply } from "@hive-registry/contract";
import type { Outcome, ReserveRequest } from "hive-registry";
import { onAbort } from "../abort.ts";
import { pause } from "../backoff.ts";
import { ClientError } from "../errors.ts";
import type { HiveClient } from "../queen-client.ts";
import type { Place, Places, WaitOptions } from "./places.ts";

/** How long the queen may take beyond what she was asked to wait, ms. */
export const QUEEN_ANSWER_MS = 5_000;
/** After she did not answer she is left alone for so long, ms: requests must not queue up at a queen that is away. */
export const QUEEN_PAUSE_MS = 2_000;
/** A place that could not be given back is tried again; after that its time at the queen ends it. */
export const RELEASE_TRIES = 3;
const RELEASE_PAUSE_MS = 500;

/**
 * Reserves at the queen, who counts what all clients reserve. While she is away `fallback` serves, or nobody does.
 */
export class QueenPlaces implements Places {
  readonly #client: Pick<HiveClient, "reserve" | "release">;
  readonly #fallback: Places | undefined;
  readonly #now: () => number;
  readonly #releasing: Set<Promise<void>> = new Set();
  readonly #closing: AbortController = new AbortController();
  #awayUntilMs = Number.NEGATIVE_INFINITY;

  constructor(deps: {
    readonly client: Pick<HiveClient, "reserve" | "release">;
    readonly fallback: Places | undefined;
    readonly now: () => number;
  }) {
    this.#client = deps.client;
    this.#fallback = deps.fallback;
    this.#now = deps.now;
  }

  async reserve(request: ReserveRequest, options: WaitOptions): Promise<Place> {
    if (this.#fallback !== undefined && this.#now() < this.#awayUntilMs)
      return this.#fallback.reserve(request, options);
    try {
      return await this.#reserveAtQueen(request, options);
    } catch (error) {
      if (this.#fallback === undefined || !isAway(error)) throw error;
      this.#awayUntilMs = this.#now() + QUEEN_PAUSE_MS;
      return await this.#fallback.reserve(request, options);
    }
  }

  /** She was heard: the next request asks her again. */
  queenIsBack(): void {
    this.#awayUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Waits for places that are being given back; what cannot be given back now is left to its time. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#releasing);
  }

  async #reserveAtQueen(request: ReserveRequest, { waitMs, signal }: WaitOptions): Promise<Place> {
    signal?.throwIfAborted();
    const leaving = new AbortController();
    const asked = this.#client.reserve(
      { ...request, wait_ms: Math.max(0, Math.round(waitMs)) },
      { timeoutMs: waitMs + QUEEN_ANSWER_MS, signal: leaving.signal },
    );
    return await new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      // Her answer may be on its way, and then the place is held: hanging up at once would leave it taken.
      const stay = onAbort(signal, () => {
        timer = setTimeout(() => leaving.abort(), QUEEN_ANSWER_MS);
        reject(signal?.reason);
      });
      const settle = (last: () => void) => {
        clearTimeout(timer);
        stay();
        last();
      };
      asked.then(
        (reply) =>
          settle(() => {
            const place = this.#placeOf(reply);
            if (signal?.aborted) place.release("cancelled");
            else resolve(place);
          }),
        (error) => settle(() => reject(error)),
      );
    });
  }

  #placeOf(reply: ReservationReply): Place {
    let isHeld = true;
    return {
      ...reply,
      release: (outcome = "ok") => {
        if (!isHeld) return;
        isHeld = false;
        const releasing = this.#giveBack(reply.reservation_id, outcome).finally(() =>
          this.#releasing.delete(releasing),
        );
        this.#releasing.add(releasing);
      },
    };
  }

  /** Never rejects. */
  async #giveBack(reservationId: string, outcome: Outcome): Promise<void> {
    for (let attempt = 1; attempt <= RELEASE_TRIES; attempt++) {
      try {
        return await this.#client.release(reservationId, outcome);
      } catch (error) {
        if (!isAway(error) || this.#closing.signal.aborted) return;
        await pause(RELEASE_PAUSE_MS * attempt, this.#closing.signal);
      }
    }
  }
}

const AWAY = new Set(["QUEEN_UNREACHABLE", "TIMEOUT", "NOT_READY", "SHUTTING_DOWN", "BAD_REPLY"]);

/** It is the queen, or what stands before her, that did not answer; she did not say no. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof ClientError)) return false;
  return AWAY.has(error.code) || error.status === 502 || error.status === 504;
}
