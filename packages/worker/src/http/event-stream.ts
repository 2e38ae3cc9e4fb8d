import type { FastifyReply } from "fastify";
import type { ErrorBody } from "../errors.ts";

/** A reader that leaves more than this unread is cut off: its slot serves others. */
export const MAX_UNSENT_BYTES: number = 4 * 1024 * 1024;

/** An answer as server-sent events, opened late so that a failure before it is a plain HTTP error. */
export class EventStream {
  readonly #reply: FastifyReply;
  #open = false;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#reply.header("content-type", "text/event-stream; charset=utf-8");
    this.#reply.header("cache-control", "no-cache");
    this.#reply.header("x-accel-buffering", "no");
    this.#reply.hijack();
    this.#reply.raw.writeHead(200, this.#reply.getHeaders() as Record<string, string>);
  }

  data(value: object | ErrorBody): void {
    this.open();
    this.#write(`data: ${JSON.stringify(value)}\n\n`);
  }

  /** Something that readers skip, so that no proxy and no client takes a long silence for a dead connection. */
  comment(): void {
    this.open();
    this.#write(":\n\n");
  }

  /** The end of an answer that is whole. */
  done(): void {
    this.#write("data: [DONE]\n\n");
    this.#reply.raw.end();
  }

  /** The end of an answer that broke off. */
  fail(body: ErrorBody): void {
    this.data(body);
    this.#reply.raw.end();
  }

  #write(text: string): void {
    const { raw } = this.#reply;
    if (raw.destroyed) return;
    raw.write(text);
    if (raw.writableLength > MAX_UNSENT_BYTES) raw.destroy();
  }
}
