import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientError } from "./errors.ts";
import { readEvents, type ServerSentEvent, SseParser } from "./sse.ts";

const all = (text: string): ServerSentEvent[] => new SseParser().push(text);

describe("the event-stream parser", () => {
  test("an event ends at an empty line, whatever ends the lines", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      expect(all(["event: change", "id: 7-3", "data: {}", "", ""].join(end))).toEqual([
        { event: "change", id: "7-3", data: "{}" },
      ]);
    }
  });

  test("several data lines are one text; one space after the colon belongs to the format", () => {
    expect(all("data: a\ndata:b\ndata:  c\ndata\n\n")).toEqual([
      { event: "message", id: undefined, data: "a\nb\n c\n" },
    ]);
  });

  test("comments and unknown fields are passed over, and an event without data is none", () => {
    expect(all(": keep-alive\n\nretry: 5\nevent: empty\n\nfoo: bar\ndata: x\n\n")).toEqual([
      { event: "message", id: undefined, data: "x" },
    ]);
  });

  test("the last id stays until another comes; one with a NUL is ignored", () => {
    expect(all("id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n").map((event) => event.id)).toEqual([
      "1",
      "1",
      "1",
      "",
    ]);
  });

  test("a byte order mark before the first line is not part of it", () => {
    expect(all("\uFEFFdata: a\n\n")).toHaveLength(1);
  });

  test("what the end leaves unfinished is only given to those who ask", () => {
    const parser = new SseParser();
    expect(parser.push("data: [DONE]")).toEqual([]);
    expect(parser.end()).toMatchObject({ data: "[DONE]" });
  });

  test("a line or an event over the bound is an error with a code, not memory without end", () => {
    const tooLong = expect.objectContaining({ code: "BODY_TOO_LARGE" });
    const oneLine = new SseParser({ charsMax: 100 });
    expect(() => {
      for (let i = 0; i < 20; i++) oneLine.push("0123456789");
    }).toThrow(tooLong);
    const manyLines = new SseParser({ charsMax: 100 });
    expect(() => {
      for (let i = 0; i < 20; i++) manyLines.push("data: 0123456789\n");
    }).toThrow(tooLong);
  });

  test("how the bytes are cut into pieces never changes what is read", async () => {
    const aText = fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.replaceAll(/[\r\n\0\uFEFF]/g, "_"));
    const anEvent = fc.record({
      data: fc.array(aText, { minLength: 1, maxLength: 3 }),
      end: fc.constantFrom("\n", "\r\n", "\r"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anEvent, { maxLength: 6 }),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 10 }),
        async (events, cuts) => {
          const text = events
            .map(({ data, end }) => `${data.map((line) => `data: ${line}${end}`).join("")}${end}`)
            .join("");
          const bytes = new TextEncoder().encode(text);
          // A CR that ends one event and an LF that starts nothing would be one line end: take what the whole text means.
          const whole = all(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
          const read: ServerSentEvent[] = [];
          for await (const event of readEvents(inPieces(bytes, cuts), { idleMs: 10_000 })) read.push(event);
          expect(read).toEqual(whole);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a character of four bytes may arrive one byte at a time", async () => {
    const bytes = new TextEncoder().encode("data: 🐝é\n\n");
    const read: ServerSentEvent[] = [];
    for await (const event of readEvents(inPieces(bytes, [1]), { idleMs: 10_000 })) read.push(event);
    expect(read.map((event) => event.data)).toEqual(["🐝é"]);
  });

  test("a stream on which nothing comes ends as TIMEOUT, and its body is cancelled", async () => {
    let cancelled = false;
    const silent = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true;
      },
    });
    const reading = readEvents(silent, { idleMs: 20 }).next();
    await expect(reading).rejects.toThrow(ClientError);
    await expect(reading).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(cancelled).toBe(true);
  });
});

function inPieces(bytes: Uint8Array<ArrayBuffer>, cuts: readonly number[]): ReadableStream<Uint8Array> {
  let at = 0;
  let turn = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const size = Math.max(1, cuts[turn++ % cuts.length] ?? 1);
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}
