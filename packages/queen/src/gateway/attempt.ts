import type { IncomingHttpHeaders } from "node:http";
import type { Reservation } from "hive-registry";
import type { Answering, WorkerCall } from "./transport.ts";

/** What a worker answered instead of what was wanted. */
export interface WorkerReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of a long one only the beginning. */
  readonly body: Buffer;
}

/** What becomes of a try. After `refused` or `failed` nothing more is told. */
export interface AttemptEnd {
  /** The first byte of a good answer; its head comes with it. */
  began(attempt: Attempt): void;
  piece(attempt: Attempt, chunk: Buffer): void;
  /** @param last the last piece; the only one, when none came before */
  whole(attempt: Attempt, last?: Buffer): void;
  /** The worker said that it will not, with status 400 or above. */
  refused(attempt: Attempt, reply: WorkerReply): void;
  failed(attempt: Attempt, error: Error): void;
}

/** Of an error's body so much is read; no server says more than that. */
const REFUSAL_BYTES_MAX = 65_536;

/**
 * One request at one worker. The head of a good answer is held back until its first byte: until then another worker can still
 * answer instead. The body of a bad one is collected.
 */
export class Attempt implements Answering {
  readonly reservation: Reservation;
  readonly sentAtMs: number;
  readonly #end: AttemptEnd;
  call: WorkerCall | undefined;
  status = 0;
  headers: IncomingHttpHeaders = {};
  #refusal: Buffer[] | undefined;
  #refusalBytes = 0;
  #hasBegun = false;
  #isOver = false;

  constructor(end: AttemptEnd, reservation: Reservation, sentAtMs: number) {
    this.#end = end;
    this.reservation = reservation;
    this.sentAtMs = sentAtMs;
  }

  /** Whether its first byte is at the client. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  abort(): void {
    this.#isOver = true;
    this.call?.abort();
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    if (this.#isOver) return;
    this.status = status;
    this.headers = headers;
    if (status >= 400) this.#refusal = [];
  }

  data(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#refusal === undefined) {
      const isOnly = !this.#hasBegun && this.headers["content-length"] === String(chunk.length);
      this.#begin();
      if (isOnly) {
        this.#isOver = true;
        this.#end.whole(this, chunk);
      } else this.#end.piece(this, chunk);
      return;
    }
    this.#refusal.push(chunk);
    this.#refusalBytes += chunk.length;
    if (this.#refusalBytes >= REFUSAL_BYTES_MAX) {
      this.call?.abort();
      this.#refuse(this.#refusal);
    }
  }

  ended(): void {
    if (this.#isOver) return;
    if (this.#refusal !== undefined) {
      this.#refuse(this.#refusal);
      return;
    }
    this.#begin();
    this.#isOver = true;
    this.#end.whole(this);
  }

  failed(error: Error): void {
    if (this.#isOver) return;
    // What it had to say is cut, but its status is known.
    if (this.#refusal !== undefined) this.#refuse(this.#refusal);
    else {
      this.#isOver = true;
      this.#end.failed(this, error);
    }
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#end.began(this);
  }

  #refuse(chunks: readonly Buffer[]): void {
    this.#isOver = true;
    const body = Buffer.concat(chunks).subarray(0, REFUSAL_BYTES_MAX);
    this.#end.refused(this, { status: this.status, headers: this.headers, body });
  }
}
