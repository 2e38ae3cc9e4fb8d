import type { IncomingHttpHeaders } from "node:http";
import { type Failure, failureEvent } from "./failures.ts";
import { endsByClosing, headersForClient, isEventStream } from "./headers.ts";
import type { Question } from "./question.ts";

/** The client's side of a request: Node's `ServerResponse` is one. */
export interface ClientSide {
  writeHead(status: number, headers: string[]): unknown;
  /** False: it takes no more until `drain`. */
  write(chunk: Uint8Array | string): boolean;
  end(): unknown;
  end(chunk: Uint8Array | string): unknown;
  end(chunk: string, encoding: "latin1"): unknown;
  destroy(): unknown;
  on(event: "close", listener: () => void): unknown;
  once(event: "drain", listener: () => void): unknown;
}

const EVENT_STREAM = ["content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache"];
const NEW_LINE = 0x0a;
const NOTHING = Buffer.alloc(0);
/** Above it, copying costs more than it saves. */
const ONE_WRITE_BYTES_MAX = 16_384;

/**
 * What a client is sent: a worker's answer as it comes, or a failure in the shape that fits what was sent before. A stream can
 * be opened early, with comments that readers skip; its status is 200 then, and what fails later is told as an event.
 */
export class Reply {
  readonly #client: ClientSide;
  readonly #question: Pick<Question, "path">;
  readonly #ours: readonly string[];
  #head: "none" | "early" | "whole" = "none";
  #isStream = false;
  #needsEndMark = false;
  /** The last two pieces of a stream: they tell where it stands. */
  #last: Uint8Array | undefined;
  #lastButOne: Uint8Array | undefined;

  /** @param ours headers of every answer to this client, names and values in turn */
  constructor(client: ClientSide, question: Pick<Question, "path">, ours: readonly string[]) {
    this.#client = client;
    this.#question = question;
    this.#ours = ours;
  }

  /** Nothing at all was sent. */
  get isFresh(): boolean {
    return this.#head === "none";
  }

  /** Says that the answer will come. */
  keepAlive(): void {
    if (this.#head === "none") {
      this.#client.writeHead(200, [...EVENT_STREAM, "x-accel-buffering", "no", ...this.#ours]);
      this.#head = "early";
    }
    this.#client.write(": keep-alive\n\n");
  }

  /** False when a stream that was opened early gets an answer that is none. */
  begin(status: number, headers: IncomingHttpHeaders, ours: readonly string[]): boolean {
    this.#isStream = isEventStream(headers);
    this.#needsEndMark = this.#isStream && endsByClosing(headers);
    if (this.#head === "early") return this.#isStream;
    this.#head = "whole";
    this.#client.writeHead(status, headersForClient(headers, [...ours, ...this.#ours]));
    return true;
  }

  /** False when the client takes no more for now. */
  write(chunk: Buffer): boolean {
    if (this.#isStream) {
      this.#lastButOne = this.#last;
      this.#last = chunk;
    }
    return this.#client.write(chunk);
  }

  /** Whether the connection to the worker ended where its answer did not. */
  get isCut(): boolean {
    const { endMarks } = this.#question.path;
    if (!this.#needsEndMark || endMarks.length === 0) return false;
    const end = Buffer.concat([this.#lastButOne ?? NOTHING, this.#last ?? NOTHING]);
    return !endMarks.some((mark) => end.includes(mark));
  }

  /** @param last what was not written yet */
  end(last?: Buffer): void {
    if (last === undefined) this.#client.end();
    // Node sends a head and a text in one write, and a head and bytes in two. Latin-1 is the bytes as they are.
    else if (last.length <= ONE_WRITE_BYTES_MAX) this.#client.end(last.toString("latin1"), "latin1");
    else this.#client.end(last);
  }

  /** An answer of ours, whole. Only while nothing was sent. */
  answer(status: number, headers: readonly string[], body: string): void {
    this.#head = "whole";
    this.#client.writeHead(status, [...headers, "content-length", String(Buffer.byteLength(body)), ...this.#ours]);
    this.#client.end(body);
  }

  /** Tells a failure as well as it can still be told: as a status, as an event, or by cutting the connection. */
  fail(failure: Failure): void {
    if (this.#head === "none") {
      this.answer(failure.status, failure.headers, failure.body);
      return;
    }
    if (this.#head === "early" || this.#isStream) {
      const event = failureEvent(this.#question.path.dialect, failure.body);
      this.#client.end(this.#isBetweenEvents() ? event : `\n\n${event}`);
      return;
    }
    this.#client.destroy();
  }

  #isBetweenEvents(): boolean {
    const last = this.#last;
    if (last === undefined) return true;
    return last.at(-1) === NEW_LINE && (last.at(-2) ?? this.#lastButOne?.at(-1)) === NEW_LINE;
  }
}
