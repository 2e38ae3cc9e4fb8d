import { ClientError } from "./errors.ts";

/** One event of a `text/event-stream`. `id` is the last one seen on the stream, as the standard says. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** More characters than this in one event, or in one line of it, end the stream: a snapshot of a very large fleet still fits. */
export const EVENT_CHARS_MAX = 400_000_000;

/**
 * Reads text/event-stream as the HTML standard has it: LF, CRLF or CR (split anywhere), comments, `data` on many lines,
 * a byte order mark in front, unknown fields. Push text as it comes.
 */
export class SseParser {
  readonly #charsMax: number;
  #line: string[] = [];
  #lineChars = 0;
  #data: string[] = [];
  #dataChars = 0;
  #event = "";
  #id: string | undefined;
  #first = true;
  #afterCr = false;

  constructor(options: { readonly charsMax?: number } = {}) {
    this.#charsMax = options.charsMax ?? EVENT_CHARS_MAX;
  }

  /** @throws {ClientError} `BODY_TOO_LARGE` for an event over the bound. */
  push(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let at = 0;
    if (this.#first && text.length > 0) {
      this.#first = false;
      if (text.charCodeAt(0) === 0xfeff) at = 1;
    }
    while (at < text.length) {
      // The LF of a CRLF whose CR ended the text before.
      if (this.#afterCr && text[at] === "\n") {
        this.#afterCr = false;
        at++;
        continue;
      }
      this.#afterCr = false;
      const end = lineEnd(text, at);
      if (end === -1) {
        this.#keep(text.slice(at));
        break;
      }
      this.#keep(text.slice(at, end));
      this.#afterCr = text[end] === "\r";
      at = end + 1;
      const event = this.#endOfLine();
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  /** What the stream's end left unfinished. The standard throws it away; a caller who knows better may look at it. */
  end(): ServerSentEvent | undefined {
    this.#endOfLine();
    return this.#dispatch();
  }

  #keep(piece: string): void {
    if (piece === "") return;
    this.#lineChars += piece.length;
    if (this.#lineChars + this.#dataChars > this.#charsMax) {
      throw new ClientError("BODY_TOO_LARGE", `An event of the stream is longer than ${this.#charsMax} characters`);
    }
    this.#line.push(piece);
  }

  #endOfLine(): ServerSentEvent | undefined {
    const line = this.#line.length === 1 ? (this.#line[0] as string) : this.#line.join("");
    this.#line = [];
    this.#lineChars = 0;
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") {
      this.#data.push(value);
      this.#dataChars += value.length;
    } else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const event = this.#event === "" ? "message" : this.#event;
    const lines = this.#data;
    this.#event = "";
    this.#data = [];
    this.#dataChars = 0;
    if (lines.length === 0) return undefined;
    return { event, data: lines.join("\n"), id: this.#id };
  }
}

function lineEnd(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  // Looked for within the line only: most streams have no CR, and each line would search the whole rest for one.
  const cr = (lf === -1 ? text.slice(from) : text.slice(from, lf)).indexOf("\r");
  return cr === -1 ? lf : from + cr;
}

export interface ReadEventsOptions {
  readonly idleMs: number;
  readonly charsMax?: number;
  /** Also hand out an event that the stream's end left without its empty line. */
  readonly keepUnfinished?: boolean;
}

/**
 * The events of a reply's body, as they come. The body is cancelled when the caller stops reading.
 *
 * @throws {ClientError} `TIMEOUT` when not one byte comes for `idleMs`.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  options: ReadEventsOptions,
): AsyncGenerator<ServerSentEvent, void> {
  const parser = new SseParser(options);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await withinIdle(reader.read(), options.idleMs);
      if (done) break;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
    yield* parser.push(decoder.decode());
    const last = options.keepUnfinished ? parser.end() : undefined;
    if (last !== undefined) yield last;
  } finally {
    // Not awaited: a body that hangs must not hold its reader. Its failure was already told, or nobody wants to know.
    reader.cancel().catch(() => undefined);
  }
}

async function withinIdle<T>(read: Promise<T>, idleMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const idle = new Promise<never>((_, reject) => {
    const late = () => reject(new ClientError("TIMEOUT", `Nothing came for ${Math.round(idleMs / 1_000)} s`));
    timer = setTimeout(late, idleMs);
  });
  try {
    return await Promise.race([read, idle]);
  } finally {
    clearTimeout(timer);
  }
}
