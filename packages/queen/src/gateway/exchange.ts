import { HiveError } from "@hive-registry/contract";
import type { Outcome, Reservation } from "hive-registry";
import { Attempt, type AttemptEnd, type WorkerReply } from "./attempt.ts";
import { handOver } from "./direct.ts";
import type { Ending } from "./endings.ts";
import { type Failure, type FailureOptions, failureOf, type Retry, workerFailure } from "./failures.ts";
import { headersForWorker } from "./headers.ts";
import type { GatewayLimits } from "./limits.ts";
import { PlaceSearch } from "./place-search.ts";
import type { Places } from "./places.ts";
import { type Question, withModel } from "./question.ts";
import type { ClientSide, Reply } from "./reply.ts";
import type { SeenRequest } from "./seen.ts";
import type { GatewayStats } from "./stats.ts";
import type { RequestTrace } from "./tracer.ts";
import type { Transport } from "./transport.ts";
import { AnswerEnds } from "./usage.ts";
import { readWorkerUrl } from "./worker-url.ts";

export interface ExchangeDeps {
  readonly places: Places;
  readonly transport: Transport;
  readonly nowMs: () => number;
  readonly stats: GatewayStats;
  readonly log: { warn(fields: object, message: string): void };
  /** What a worker of this engine is told as its key; undefined for those that get none. */
  readonly authorizationFor: (reservation: Reservation) => string | undefined;
  /** Called once, when nothing is left to do. */
  readonly onOver: (exchange: Exchange) => void;
  /** Called once for each request that was a model's to answer. */
  readonly onSeen: (seen: SeenRequest) => void;
}

/** Failed by these, a worker could not take the request; another may. */
const FAILED_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);
/** Not here, but perhaps elsewhere: the path, the method, or the model is unknown to this server, or it has too much to do. */
const ELSEWHERE_STATUSES: ReadonlySet<number> = new Set([404, 405, 429, 501]);

/**
 * One request of a client, from its last byte to the end of its answer: finds a worker, or waits for one; sends it there, and to
 * another when that one fails before its first byte; hands on what comes. Whatever happens ends it exactly once, and gives
 * back every place that was reserved for it.
 */
export class Exchange implements AttemptEnd {
  /** Among those that are under way; -1 when it is not. */
  place = -1;
  readonly #deps: ExchangeDeps;
  readonly #limits: GatewayLimits;
  readonly #question: Question;
  readonly #client: ClientSide;
  readonly #reply: Reply;
  /** Undefined where nobody records traces. */
  readonly #trace: RequestTrace | undefined;
  readonly #startedAtMs: number;
  readonly #search: PlaceSearch;
  /** Held until the first byte of the answer. */
  #body: Buffer | undefined;
  #attempt: Attempt | undefined;
  #lastFailure: Failure | undefined;
  #isOver = false;
  #isPaused = false;
  #hasMoved = false;
  #movedAtMs = 0;
  #heardAtMs: number;
  /** Of the worker that had it last. */
  #servedModel: string | undefined;
  #firstByteMs: number | undefined;
  readonly #ends: AnswerEnds = new AnswerEnds();

  constructor(
    deps: ExchangeDeps,
    limits: GatewayLimits,
    request: {
      readonly question: Question;
      readonly client: ClientSide;
      readonly reply: Reply;
      readonly trace?: RequestTrace | undefined;
    },
  ) {
    this.#deps = deps;
    this.#limits = limits;
    this.#question = request.question;
    this.#client = request.client;
    this.#reply = request.reply;
    this.#trace = request.trace;
    this.#trace?.asks(request.question);
    this.#search = new PlaceSearch(deps, limits, request.question, request.trace);
    this.#body = request.question.body;
    this.#startedAtMs = deps.nowMs();
    this.#heardAtMs = this.#startedAtMs;
  }

  get path(): string {
    return this.#question.path.path;
  }

  /** The hive whose worker has it now. */
  get hiveId(): string | undefined {
    return this.#attempt?.reservation.hive_id;
  }

  /** Bytes that it holds of the request. */
  get bodyBytes(): number {
    return this.#body?.length ?? 0;
  }

  start(): void {
    this.#client.on("close", () => this.#hangUp());
    const { failedReservation } = this.#question;
    if (failedReservation !== undefined) this.#deps.places.release(failedReservation, "error");
    this.#choose();
  }

  // ---- time and the world -------------------------------------------------------------------------------------------

  /** Lets time take effect. Called a few times a second, for all requests together. */
  tick(nowMs: number): void {
    if (this.#isOver) return;
    const attempt = this.#attempt;
    const { firstByteMs, idleMs, keepAliveMs } = this.#limits;
    if (attempt?.hasBegun === true) {
      if (this.#hasMoved) this.#movedAtMs = nowMs;
      this.#hasMoved = false;
      if (nowMs - this.#movedAtMs < idleMs) return;
      if (this.#isPaused) this.#cutOff();
      else
        this.#breakOff(
          attempt,
          "error",
          new HiveError("TIMEOUT", "The worker fell silent in the middle of its answer"),
        );
      return;
    }
    // Who waits to be sent to the worker itself gets a status then, so nothing may be sent before.
    const isEarlyStatusRight = this.#question.direct === undefined || attempt !== undefined;
    if (this.#question.stream && isEarlyStatusRight && nowMs - this.#heardAtMs >= keepAliveMs) {
      this.#heardAtMs = nowMs;
      this.#reply.keepAlive();
    }
    if (attempt !== undefined && nowMs - attempt.sentAtMs >= firstByteMs) {
      this.#abandon(attempt, new HiveError("TIMEOUT", `The worker sent no byte within ${firstByteMs} ms`));
    }
  }

  /** The hive of its worker is gone: nothing more will come, though no connection may tell so. */
  hiveIsGone(): void {
    const attempt = this.#attempt;
    if (this.#isOver || attempt === undefined || attempt.hasBegun) return;
    this.#abandon(attempt, new HiveError("WORKER_UNREACHABLE", "The worker's machine fell silent"));
  }

  /** The queen stops and waits no longer. */
  shutDown(): void {
    if (this.#isOver) return;
    const error = new HiveError("SHUTTING_DOWN", "The queen stops");
    const attempt = this.#attempt;
    if (attempt?.hasBegun === true) {
      this.#breakOff(attempt, "cancelled", error);
      return;
    }
    this.#letGo("cancelled");
    this.#giveUp(this.#failure(error), "refused");
  }

  // ---- trying -------------------------------------------------------------------------------------------------------

  #choose(): void {
    this.#trace?.chooses();
    this.#search.find(
      (reservation) => this.#send(reservation),
      ({ error, param, retry, ending }) => {
        // What a worker said tells more than that there is no other.
        const said = error.code === "SHUTTING_DOWN" ? undefined : this.#lastFailure;
        this.#giveUp(said ?? this.#failure(error, { param, retry }), ending);
      },
    );
  }

  #send(reservation: Reservation): void {
    this.#trace?.chosen(reservation);
    const { worker, model, reservation_id } = reservation;
    this.#servedModel = model;
    const question = this.#question;
    const url = worker.url === undefined ? undefined : readWorkerUrl(worker.url);
    const authorization = this.#deps.authorizationFor(reservation);
    // A worker that knows the model under another name needs another body than the one that would come to it directly.
    if (question.direct !== undefined && url !== undefined && model === question.model) {
      const { status, headers } = handOver(question.direct, question, url, reservation, authorization);
      this.#over("handed_over", status);
      this.#reply.answer(status, [...headers, ...this.#about(reservation)], "");
      return;
    }
    const attempt = new Attempt(this, reservation, this.#deps.nowMs());
    this.#attempt = attempt;
    this.#search.tried(reservation);
    if (url === undefined) {
      this.failed(attempt, new Error("its URL is none that HTTP reaches"));
      return;
    }
    const body = model === question.model ? (this.#body as Buffer) : withModel(question, model);
    const trace = this.#trace?.sends(reservation, url);
    const options = { authorization, reservationId: reservation_id, trace };
    const headers = headersForWorker(question.rawHeaders, question.headers, options);
    const { origin, prefix } = url;
    attempt.call = this.#deps.transport.send({ origin, path: prefix + question.target, headers, body }, attempt);
  }

  began(attempt: Attempt): void {
    const { nowMs, stats } = this.#deps;
    const now = nowMs();
    this.#movedAtMs = now;
    this.#firstByteMs = now - this.#startedAtMs;
    stats.firstByte(this.#firstByteMs);
    if (this.#search.tries > 1) stats.failovers_total++;
    stats.body_bytes -= this.bodyBytes;
    this.#body = undefined;
    const { status, headers, reservation } = attempt;
    this.#trace?.began(status);
    if (this.#reply.begin(status, headers, this.#about(reservation))) return;
    const error = new HiveError("BAD_REPLY", "The worker sent no event stream, though one was asked for");
    this.#breakOff(attempt, "ok", error);
  }

  piece(attempt: Attempt, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#hasMoved = true;
    this.#ends.keep(chunk);
    if (this.#reply.write(chunk) || this.#isPaused) return;
    this.#isPaused = true;
    this.#client.once("drain", () => this.#drained());
    attempt.call?.pause();
  }

  whole(attempt: Attempt, last?: Buffer): void {
    if (this.#isOver) return;
    if (this.#reply.isCut) {
      this.#breakOff(attempt, "error", new HiveError("STREAM_CUT", "The worker's stream ended before it was complete"));
      return;
    }
    if (last !== undefined) this.#ends.keep(last);
    this.#letGo("ok");
    this.#over("ok", attempt.status);
    this.#reply.end(last);
  }

  refused(attempt: Attempt, reply: WorkerReply): void {
    const { status } = reply;
    const couldNot = FAILED_STATUSES.has(status) || (this.#limits.failover5xx && status >= 500);
    const keyIsWrong = status === 401;
    if (!couldNot && !keyIsWrong && !ELSEWHERE_STATUSES.has(status)) {
      this.#letGo(status < 500 ? "ok" : "cancelled");
      this.#giveUp(this.#passedOn(reply, "useless"), status < 500 ? "client_error" : "worker_error");
      return;
    }
    // The client's key was right: it is this queen that the worker does not know.
    const mistrusted = new HiveError("BAD_REPLY", "The worker asks for a key that the queen does not have");
    this.#lastFailure = keyIsWrong
      ? this.#failure(mistrusted, { retry: "spent" })
      : this.#passedOn(reply, status < 500 && status !== 429 ? "useless" : "spent");
    this.#next(attempt, couldNot || keyIsWrong ? "error" : "cancelled", `it answered with status ${status}`);
  }

  failed(attempt: Attempt, error: Error): void {
    if (attempt.hasBegun) {
      this.#breakOff(attempt, "error", new HiveError("STREAM_CUT", "The worker broke off in the middle of its answer"));
      return;
    }
    const unreachable = new HiveError(
      "WORKER_UNREACHABLE",
      "The worker could not be reached, or closed the connection",
    );
    this.#lastFailure = this.#failure(unreachable, { retry: "spent" });
    this.#next(attempt, "error", error.message);
  }

  /** Gives up on a worker that says nothing. */
  #abandon(attempt: Attempt, error: HiveError): void {
    attempt.abort();
    this.#lastFailure = this.#failure(error, { retry: "spent" });
    this.#next(attempt, "error", error.message);
  }

  /** Another worker, if there is one and it was not tried often enough. */
  #next({ reservation }: Attempt, outcome: Outcome, why: string): void {
    const { stats, log } = this.#deps;
    if (outcome === "error") stats.failed_tries_total++;
    log.warn(
      { hive_id: reservation.hive_id, worker_id: reservation.worker.worker_id, why },
      "a worker failed a request",
    );
    this.#letGo(outcome, why);
    if (this.#search.tries < this.#limits.triesMax) this.#choose();
    else if (this.#lastFailure !== undefined) this.#giveUp(this.#lastFailure, "worker_error");
  }

  // ---- ends ---------------------------------------------------------------------------------------------------------

  /** The client is gone: at once nobody works for it any more. */
  #hangUp(): void {
    if (this.#isOver) return;
    this.#search.leave();
    this.#attempt?.abort();
    this.#letGo("cancelled");
    this.#over("hangup", 0);
  }

  /** The client takes nothing of its answer. */
  #cutOff(): void {
    this.#hangUp();
    this.#client.destroy();
  }

  #drained(): void {
    this.#isPaused = false;
    this.#hasMoved = true;
    this.#attempt?.call?.resume();
  }

  #breakOff(attempt: Attempt, outcome: Outcome, error: HiveError): void {
    attempt.abort();
    this.#deps.stats.broken_total++;
    this.#letGo(outcome, error.code);
    this.#giveUp(this.#failure(error), "worker_error");
  }

  /** Gives the place back that it has. */
  #letGo(outcome: Outcome, why?: string): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt === undefined) return;
    this.#trace?.tried(outcome, attempt.status, why);
    this.#deps.places.release(attempt.reservation.reservation_id, outcome);
  }

  #giveUp(failure: Failure, ending: Ending): void {
    this.#search.leave();
    this.#over(ending, this.#reply.isFresh ? failure.status : 200);
    this.#reply.fail(failure);
  }

  /** @param status that the client is sent; 0 when it is none */
  #over(ending: Ending, status: number): void {
    this.#isOver = true;
    const { stats, onOver } = this.#deps;
    stats.body_bytes -= this.bodyBytes;
    this.#body = undefined;
    stats.ended(this.path, ending);
    this.#tellSeen(ending);
    this.#trace?.ended(ending, status);
    onOver(this);
  }

  #tellSeen(ending: Ending): void {
    const isServed = this.#servedModel !== undefined;
    // What no model was asked for, or nobody was let in for, says nothing of a model.
    if (ending === "refused" || (ending === "client_error" && !isServed)) return;
    const asked = this.#question.model;
    const first_byte_ms = this.#firstByteMs;
    const usage = ending === "ok" ? this.#ends.usage() : undefined;
    if (usage !== undefined) this.#trace?.used(usage);
    this.#deps.onSeen({
      model: this.#servedModel ?? this.#deps.places.resolveModels(asked)[0] ?? asked,
      isServed,
      failed: ending === "worker_error" || ending === "no_worker",
      queue_wait_ms: this.#search.waitedMs,
      ...(first_byte_ms === undefined ? undefined : { first_byte_ms }),
      ...usage,
    });
  }

  // ---- words --------------------------------------------------------------------------------------------------------

  #about({ hive_id, worker }: Reservation): string[] {
    const waited = String(Math.round(this.#search.waitedMs));
    const ids = ["x-hive-worker", headerText(worker.worker_id), "x-hive-id", headerText(hive_id)];
    return [...ids, "x-hive-queue-ms", waited];
  }

  #failure(error: HiveError, options: FailureOptions = {}): Failure {
    return failureOf(this.#question.path.dialect, error, options);
  }

  #passedOn({ status, headers, body }: WorkerReply, retry: Retry): Failure {
    const retryAfter = headers["retry-after"];
    return workerFailure(this.#question.path.dialect, status, body, { retryAfter, retry });
  }
}

/** Ids may hold any letters; headers may not. */
const headerText = (text: string): string => (/^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text));
