import { request } from "node:http";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { type Answer, aFakeWorker, type Got } from "./testing/fake-worker.ts";

const event = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
const DONE = "data: [DONE]\n\n";

/** Begins a stream and leaves the rest to the story. */
const streaming: Answer = ({ response }) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(event("one"));
};

async function aPair(answer: Answer, ...args: Parameters<typeof aGateway>) {
  const worker = await aFakeWorker(answer);
  const gateway = await aGateway(...args);
  gateway.report([{ url: worker.url }]);
  return { worker, gateway };
}

const readerOf = (reply: Response) => {
  const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  return async () => {
    const { done, value } = await reader.read();
    return done ? undefined : decoder.decode(value, { stream: true });
  };
};

describe("a stream", () => {
  test("is not held back: each piece is at the client before the next is made", async () => {
    const { worker, gateway } = await aPair(streaming);
    const coming = worker.next();
    const reply = await gateway.chat({ stream: true });
    const { response } = (await coming) as Got;
    const read = readerOf(reply);
    expect(await read()).toBe(event("one"));
    for (let piece = 2; piece <= 20; piece++) {
      // Only now is it made: the client has the one before.
      const text = event(`piece ${piece} ${"漢".repeat(piece)}`);
      response.write(text);
      let got = "";
      while (got.length < text.length) got += await read();
      expect(got).toBe(text);
    }
    response.end(DONE);
    expect(await read()).toBe(DONE);
    expect(await read()).toBeUndefined();
    expect(reply.headers.get("x-accel-buffering")).toBe("no");
    expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0, completed_total: 1 } });
  });

  test("of a worker that dies in the middle ends with an error that clients understand, and the worker is put aside", async () => {
    const { worker, gateway } = await aPair(streaming);
    const coming = worker.next();
    const reply = await gateway.chat({ stream: true });
    const read = readerOf(reply);
    expect(await read()).toBe(event("one"));
    ((await coming) as Got).response.socket?.resetAndDestroy();
    expect(JSON.parse(((await read()) as string).replace("data: ", ""))).toMatchObject({
      error: { code: "stream_cut", message: expect.any(String), type: "server_error" },
    });
    expect(await read()).toBeUndefined();
    expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0, failed_total: 1 }, reservations: { active: 0 } });
  });

  test("that breaks off is an error to OpenAI's own client, not an end", async () => {
    const { gateway } = await aPair(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(event("one"), () => response.socket?.resetAndDestroy());
    });
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
    const stream = await openai.chat.completions.create({ model: "m", messages: [], stream: true });
    let text = "";
    const reading = (async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content;
    })();
    await expect(reading).rejects.toMatchObject({ code: "stream_cut" });
    expect(text).toBe("one");
  });

  test("that breaks within an event ends that event first", async () => {
    const { gateway } = await aPair(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":', () => response.socket?.destroy());
    });
    const text = await (await gateway.chat({ stream: true })).text();
    expect(text).toMatch(/^data: \{"choices":\n\ndata: \{"error":\{.*\}\}\n\n$/);
  });

  test("whose connection just closes is not whole without its end mark", async () => {
    const closing =
      (last: string): Answer =>
      ({ response }) => {
        // No length and no chunks, as HTTP/1.0 has it.
        response.useChunkedEncodingByDefault = false;
        response.removeHeader("transfer-encoding");
        response.writeHead(200, { "content-type": "text/event-stream", connection: "close" });
        response.write(event("one"));
        response.end(last);
      };
    const cut = await aPair(closing(event("two")));
    expect(await (await cut.gateway.chat({ stream: true })).text()).toContain("stream_cut");
    const whole = await aPair(closing(DONE));
    expect(await (await whole.gateway.chat({ stream: true })).text()).toBe(event("one") + DONE);
    for (const [path, mark] of [
      ["/v1/responses", 'data: {"type":"response.completed"}\n\n'],
      ["/v1/messages", 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
    ] as const) {
      const other = await aPair(closing(mark));
      const ask = async () => (await other.gateway.post(path, { model: "m", stream: true })).text();
      expect(await ask()).toBe(event("one") + mark);
      const broken = await aPair(closing('data: {"type":"response.output_text.delta"}\n\n'));
      expect(await (await broken.gateway.post(path, { model: "m", stream: true })).text()).toContain("error");
    }
  });

  test("that falls silent is ended with an error", async () => {
    const { worker, gateway } = await aPair(streaming, { idleMs: 150 });
    const coming = worker.next();
    const text = await (await gateway.chat({ stream: true })).text();
    expect(text).toContain('"code":"timeout"');
    await ((await coming) as Got).hungUp;
  });

  test("on Anthropic's path tells its error as Anthropic does", async () => {
    const { gateway } = await aPair(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("event: ping\ndata: {}\n\n", () => response.socket?.resetAndDestroy());
    });
    const text = await (await gateway.post("/v1/messages", { model: "m", stream: true })).text();
    expect(text).toMatch(
      /^event: ping\ndata: \{\}\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error"/,
    );
  });
});

describe("an answer that is no stream", () => {
  test("and breaks off is cut, so that nobody takes it for whole", async () => {
    const { gateway } = await aPair(({ response }) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"choices":[', () => response.socket?.resetAndDestroy());
    });
    const reply = await gateway.chat();
    await expect(reply.text()).rejects.toThrow();
    expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0, failed_total: 1 } });
  });
});

describe("who waits for a stream", () => {
  test("hears a comment now and then, and gets the answer after it", async () => {
    const { worker, gateway } = await aPair(() => undefined, { keepAliveMs: 50 });
    const coming = worker.next();
    const reply = await gateway.chat({ stream: true });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const read = readerOf(reply);
    for (let comment = 0; comment < 3; comment++) expect(await read()).toMatch(/^(?:: keep-alive\n\n)+$/);
    const { response } = (await coming) as Got;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(event("late") + DONE);
    let rest = "";
    for (let text = await read(); text !== undefined; text = await read()) rest += text;
    expect(rest.replaceAll(": keep-alive\n\n", "")).toBe(event("late") + DONE);
  });

  test("hears them in the line too, and when none comes the error as an event", async () => {
    const { gateway } = await aPair(() => undefined, { keepAliveMs: 50, queueWaitMs: 250 });
    gateway.report([{ url: "http://127.0.0.1:9", state: "Busy" }]);
    const text = await (await gateway.chat({ stream: true })).text();
    expect(text).toMatch(/^(?:: keep-alive\n\n)+data: \{"error":\{"message":"[^"]+","type":"unavailable_error"/);
  });

  test("is told a late refusal of the worker as an event, with its own words", async () => {
    const { worker, gateway } = await aPair(() => undefined, { keepAliveMs: 50 });
    const coming = worker.next();
    const reply = await gateway.chat({ stream: true });
    const { response } = (await coming) as Got;
    response.writeHead(400, { "content-type": "application/json" });
    response.end('{"error":"the prompt is too long"}');
    expect(await reply.text()).toMatch(/data: \{"error":\{"message":"the prompt is too long"/);
  });

  test("can still have another worker after the first comment", async () => {
    const first = await aFakeWorker(({ response }) => void setTimeout(() => response.socket?.resetAndDestroy(), 200));
    const second = await aFakeWorker(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(event("two") + DONE);
    });
    const gateway = await aGateway({ keepAliveMs: 50 });
    gateway.report([
      { url: first.url, gpu_percent: 0 },
      { url: second.url, gpu_percent: 50 },
    ]);
    const text = await (await gateway.chat({ stream: true })).text();
    expect(text.replaceAll(": keep-alive\n\n", "")).toBe(event("two") + DONE);
    expect(text).toContain(": keep-alive");
  });

  test("of no stream hears nothing, so that the status stays right", async () => {
    const { worker, gateway } = await aPair(() => undefined, { keepAliveMs: 20, firstByteMs: 300 });
    const coming = worker.next();
    const reply = await gateway.chat();
    expect([reply.status, await reply.json()]).toMatchObject([504, { error: { code: "timeout" } }]);
    await ((await coming) as Got).hungUp;
  });
});

describe("a client that reads slowly", () => {
  const PIECE = Buffer.alloc(65_536, "x");

  /** Writes as long as somebody takes it, and counts. */
  const pouring =
    (poured: { bytes: number }): Answer =>
    ({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const pour = (): void => {
        while (!response.destroyed) {
          poured.bytes += PIECE.length;
          if (poured.bytes > 1_000_000_000 || !response.write(PIECE)) break;
        }
      };
      response.on("drain", pour);
      pour();
    };

  /** Asks, and reads nothing until told. */
  const askAndWait = (url: string) =>
    new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      const asking = request(`${url}/v1/chat/completions`, { method: "POST" }, resolve);
      asking.on("error", reject);
      asking.end('{"model":"m","stream":true}');
    });

  test("slows its worker down and costs no memory", async () => {
    const poured = { bytes: 0 };
    const { gateway } = await aPair(pouring(poured));
    const reply = await askAndWait(gateway.url);
    // What both sockets and the kernel hold, and then nothing more.
    let before = -1;
    const stands = () => {
      const same = before === poured.bytes;
      before = poured.bytes;
      return same;
    };
    await expect.poll(stands, { interval: 250, timeout: 20_000 }).toBe(true);
    expect(before).toBeLessThan(100_000_000);
    reply.resume();
    await expect.poll(() => poured.bytes, { timeout: 20_000 }).toBeGreaterThan(2 * before);
    reply.destroy();
    await expect.poll(() => gateway.stats().requests.in_flight).toBe(0);
  });

  test("and stops reading at all is cut off", async () => {
    const { worker, gateway } = await aPair(pouring({ bytes: 0 }), { idleMs: 300 });
    const coming = worker.next();
    const reply = await askAndWait(gateway.url);
    reply.on("error", () => undefined);
    await ((await coming) as Got).hungUp;
    await expect.poll(() => gateway.stats()).toMatchObject({ requests: { in_flight: 0, failed_total: 0 } });
    reply.destroy();
  });
});
