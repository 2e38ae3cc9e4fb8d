import { HiveError } from "@hive-registry/contract";
import type { Reservation, ReserveRequest } from "hive-registry";
import { HANDED_OVER_HOLD_MS } from "./direct.ts";
import type { Ending } from "./endings.ts";
import type { Retry } from "./failures.ts";
import type { Places, TriedWorker } from "./places.ts";
import type { Question } from "./question.ts";
import type { RequestTrace } from "./tracer.ts";

/** Why there is no place for a request. */
export interface NoPlace {
  readonly error: HiveError;
  readonly param?: string;
  readonly retry?: Retry;
  readonly ending: Ending;
}

/** Longest that a reservation can stand: it is given back when the answer ends, not before. */
const UNTIL_RELEASED = { ttl_ms: 3_600_000 } as const;
const HANDED_OVER = { ttl_ms: HANDED_OVER_HOLD_MS, handed_over: true } as const;

/** Finds places at workers for one request, one after the other, and never at a worker that was tried. */
export class PlaceSearch {
  readonly #places: Places;
  readonly #nowMs: () => number;
  readonly #queueWaitMs: number;
  readonly #question: Question;
  readonly #trace: RequestTrace | undefined;
  readonly #tried: TriedWorker[] = [];
  #leaveLine: (() => void) | undefined;
  #waitingSinceMs = 0;
  #waitedMs = 0;

  constructor(
    deps: { readonly places: Places; readonly nowMs: () => number },
    options: { readonly queueWaitMs: number },
    question: Question,
    trace?: RequestTrace | undefined,
  ) {
    this.#places = deps.places;
    this.#nowMs = deps.nowMs;
    this.#queueWaitMs = options.queueWaitMs;
    this.#question = question;
    this.#trace = trace;
  }

  /** Workers that had the request. */
  get tries(): number {
    return this.#tried.length;
  }

  /** How long it has waited for busy workers, in all. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  tried({ hive_id, worker }: Reservation): void {
    this.#tried.push({ hive_id, worker_id: worker.worker_id });
  }

  /** Calls one of the two, at once or when its time has come; neither after {@link leave}. */
  find(found: (reservation: Reservation) => void, none: (why: NoPlace) => void): void {
    const request = this.#request();
    if (request === undefined) {
      const error = new HiveError("WORKER_NOT_FOUND", `No worker ${JSON.stringify(this.#question.pin)} is known`);
      none({ error, param: "x-hive-worker", ending: "client_error" });
      return;
    }
    const reservation = this.#places.reserveNow(request);
    if (reservation !== undefined) {
      found(reservation);
      return;
    }
    const coming = this.#question.pin === undefined ? this.#places.bring(request) : undefined;
    if (coming !== undefined && "error" in coming) {
      none(this.#notStarted(coming.error));
      return;
    }
    const hopeless = coming === undefined ? this.#whyHopeless(this.#places.knownInMs() <= 0) : undefined;
    if (hopeless !== undefined) none(hopeless);
    else this.#wait(request, { found, none, comingWithinMs: coming?.withinMs ?? 0 });
  }

  /** For a client that hangs up. */
  leave(): void {
    this.#leaveLine?.();
    this.#leaveLine = undefined;
  }

  #wait(
    request: ReserveRequest,
    told: {
      readonly found: (reservation: Reservation) => void;
      readonly none: (why: NoPlace) => void;
      /** A worker is being started, which may take longer than busy ones are waited for. */
      readonly comingWithinMs: number;
    },
  ): void {
    const { found, none, comingWithinMs } = told;
    const leftMs = Math.max(0, this.#queueWaitMs - this.#waitedMs);
    const isKnown = this.#places.resolveModels(this.#question.model).length > 0;
    this.#waitingSinceMs = this.#nowMs();
    try {
      this.#leaveLine = this.#places.wait(request, {
        waitMs: Math.max(comingWithinMs, isKnown ? leftMs : Math.min(leftMs, this.#places.knownInMs())),
        served: (reservation) => {
          this.#endWaiting();
          found(reservation);
        },
        refused: (error) => {
          this.#endWaiting();
          const coming = comingWithinMs === 0 ? this.#comingAfterAll(request, error) : undefined;
          if (coming !== undefined) this.#wait(request, { found, none, comingWithinMs: coming.withinMs });
          else none(this.#whyNoneCame(error));
        },
      });
      this.#trace?.waits();
    } catch (error) {
      if (!(error instanceof HiveError)) throw error;
      none({ error, ending: "no_worker" });
    }
  }

  #endWaiting(): void {
    this.#leaveLine = undefined;
    this.#waitedMs += this.#nowMs() - this.#waitingSinceMs;
  }

  /** Undefined when the worker that is meant is not there. */
  #request(): ReserveRequest | undefined {
    const { model, wish, pin, direct } = this.#question;
    // The proxy that carries the bytes tells when it is done; a client that was sent away does not.
    const held = direct === "redirect" ? HANDED_OVER : UNTIL_RELEASED;
    if (pin === undefined && this.#tried.length === 0) return { model, ...wish, ...held };
    const exclude = this.#tried.map(({ hive_id, worker_id }) => `${hive_id}/${worker_id}`);
    if (pin === undefined) return { model, ...wish, ...held, exclude };
    const pinned = this.#places.pinned(pin);
    if (pinned === undefined) return undefined;
    return { model, ...wish, ...held, hive_id: pinned.hive_id, exclude: [...pinned.others, ...exclude] };
  }

  /** Why waiting would not help; undefined when it may. @param isHeard whether a model that nobody has can come no more */
  #whyHopeless(isHeard: boolean): NoPlace | undefined {
    const { model, pin } = this.#question;
    const models = this.#places.resolveModels(model);
    if (this.#tried.length > 0) {
      if (pin === undefined && this.#places.hasOther(models, this.#tried)) return undefined;
      return { error: new HiveError("NO_WORKER", `No other worker serves ${model}`), ending: "worker_error" };
    }
    if (models.length === 0) {
      // After a start the fleet has to be heard first.
      if (!isHeard) return undefined;
      const near = this.#places.nearModels(model);
      const hint = near.length === 0 ? "GET /v1/models lists those there are" : `Near it: ${near.join(", ")}`;
      return unknownModel(`No worker serves ${JSON.stringify(model)}. ${hint}`);
    }
    const pinned = pin === undefined ? undefined : this.#places.pinned(pin);
    if (pinned === undefined || models.some((one) => pinned.models.includes(one))) return undefined;
    return unknownModel(`The worker ${pinned.worker_id} does not serve ${JSON.stringify(model)}`);
  }

  /** Who can start the model may have become known while it waited. */
  #comingAfterAll(request: ReserveRequest, error: HiveError): { readonly withinMs: number } | undefined {
    if (error.code !== "NO_WORKER" || this.#question.pin !== undefined) return undefined;
    const coming = this.#places.bring(request);
    return coming === undefined || "error" in coming ? undefined : coming;
  }

  /** Its own tries were spent on it: asking again at once does not help. */
  #notStarted(error: HiveError): NoPlace {
    return { error, param: "model", retry: "spent", ending: "no_worker" };
  }

  #whyNoneCame(error: HiveError): NoPlace {
    if (error.code === "SHUTTING_DOWN") return { error, ending: "refused" };
    if (error.code !== "NO_WORKER") return this.#notStarted(error);
    // It has waited as long as one may come; a timer can be a millisecond early.
    return this.#whyHopeless(true) ?? { error, retry: "spent", ending: "no_worker" };
  }
}

const unknownModel = (message: string): NoPlace => ({
  ...{ error: new HiveError("MODEL_NOT_FOUND", message), param: "model", ending: "client_error" },
});
