import type { IncomingHttpHeaders } from "node:http";
import type { Outcome, Reservation } from "hive-registry";
import type { Ending } from "./endings.ts";
import type { InferencePath } from "./paths.ts";
import type { Question } from "./question.ts";
import type { Usage } from "./usage.ts";
import type { WorkerUrl } from "./worker-url.ts";

/** Follows requests for whoever records traces. Where nobody does there is none, and a request costs one look at that. */
export interface Tracer {
  /** A request came. @param headers the client's: a trace that they name goes on */
  request(path: InferencePath, headers: IncomingHttpHeaders): RequestTrace;
}

/** One request, as it goes. It is told what happened, never what was asked or answered. */
export interface RequestTrace {
  /** The question was read. */
  asks(question: Pick<Question, "model" | "stream" | "wish">): void;
  /** A worker is looked for: at first, and after each one that failed. */
  chooses(): void;
  /** There is none now: it waits in line. */
  waits(): void;
  chosen(reservation: Reservation): void;
  /** It is sent to the worker. @returns headers, names and values in turn, by which the worker can go on with the trace */
  sends(reservation: Reservation, url: WorkerUrl): readonly string[];
  /** The first byte of the worker's answer came. */
  began(status: number): void;
  /** @param status of the worker's answer; 0 when there was none */
  tried(outcome: Outcome, status: number, why?: string): void;
  /** What its worker told that it cost. */
  used(usage: Usage): void;
  /** Nothing happens after this; more of it is not heard. @param status that the client was sent; 0 when it was none */
  ended(ending: Ending, status: number): void;
}
