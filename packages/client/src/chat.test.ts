import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { type ChatDelta, type ChatRequest, chat } from "./chat.ts";
import { aClosedPort, aServer, openStream, sendJson, until } from "./testing/server.ts";

const piece = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

async function ask(url: string, more: Partial<ChatRequest> = {}): Promise<ChatDelta[]> {
  const deltas: ChatDelta[] = [];
  const request = { worker_url: url, model: "m", messages: [{ role: "user", content: "hi" }], ...more };
  for await (const delta of chat(request)) deltas.push(delta);
  return deltas;
}

const aWorker = (speak: (response: ServerResponse) => void) =>
  aServer((_, response) => {
    openStream(response);
    speak(response);
  });

describe("chat", () => {
  test("an answer arrives piece by piece, with its finish reason and its usage", async () => {
    const usage = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 };
    const worker = await aWorker((response) => {
      response.write(piece({ role: "assistant", content: "" }));
      response.write(": keepalive 512/2048\n\n");
      response.write(piece({ reasoning_content: "hm" }) + piece({ content: "Hel" }) + piece({ content: "lo" }));
      response.write(piece({}, "stop"));
      response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
    });
    const deltas = await ask(worker.url, { token: "key", params: { max_tokens: 5 } });
    expect(deltas.map((delta) => delta.content).join("")).toBe("Hello");
    expect(deltas).toContainEqual({ content: "", reasoning_content: "hm" });
    expect(deltas.at(-2)).toEqual({ content: "", finish_reason: "stop" });
    expect(deltas.at(-1)).toEqual({ content: "", usage });

    expect(worker.seen).toEqual(["POST /v1/chat/completions"]);
    expect(worker.requests[0]?.headers.authorization).toBe("Bearer key");
    expect(JSON.parse(worker.requests[0]?.body ?? "")).toMatchObject({ model: "m", stream: true, max_tokens: 5 });
  });

  test("a worker's address may end in /v1, as OpenAI's clients write it", async () => {
    const worker = await aWorker((response) => void response.end("data: [DONE]\n\n"));
    expect(await ask(`${worker.url}/v1/`)).toEqual([]);
    expect(worker.seen).toEqual(["POST /v1/chat/completions"]);
  });

  test("an end mark without its empty line is still an end mark", async () => {
    const worker = await aWorker((response) => void response.end(`${piece({ content: "x" })}data:[DONE]`));
    expect(await ask(worker.url)).toEqual([{ content: "x" }]);
  });

  test.each([
    ["an object", { error: { message: "out of memory", type: "server_error", code: "oom" } }, "oom"],
    ["a text", { error: "out of memory" }, "WORKER_FAILED"],
    ["an object with a number as its code", { error: { message: "out of memory", code: 500 } }, "500"],
  ])("an error in mid-stream, as %s, is thrown after what came before it", async (_, body, code) => {
    for (const tail of ["data: [DONE]\n\n", ""]) {
      const worker = await aWorker((response) => {
        response.end(`${piece({ content: "so far" })}data: ${JSON.stringify(body)}\n\n${tail}`);
      });
      const got: string[] = [];
      const asking = (async () => {
        for await (const delta of chat({ worker_url: worker.url, model: "m", messages: [] })) got.push(delta.content);
      })();
      await expect(asking).rejects.toMatchObject({
        name: "ClientError",
        code,
        message: expect.stringContaining("out of memory"),
      });
      expect(got).toEqual(["so far"]);
    }
  });

  test("an answer that ends without its mark is STREAM_CUT, whether closed, broken off or half a piece", async () => {
    const closed = await aWorker((response) => void response.end(piece({ content: "x" })));
    await expect(ask(closed.url)).rejects.toMatchObject({ code: "STREAM_CUT" });
    const half = await aWorker((response) => void response.end(`${piece({ content: "x" })}data: {"choices":[{"del`));
    await expect(ask(half.url)).rejects.toMatchObject({ code: "STREAM_CUT" });
    const broken = await aWorker((response) => {
      response.write(piece({ content: "x" }), () => response.socket?.resetAndDestroy());
    });
    await expect(ask(broken.url)).rejects.toMatchObject({ code: "STREAM_CUT" });
  });

  test("a refusal before the first piece keeps the worker's words and status", async () => {
    const error = { message: "Loading model", type: "unavailable_error", code: "loading" };
    const worker = await aServer((_, response) => sendJson(response, { error }, 503, { "retry-after": "1" }));
    await expect(ask(worker.url)).rejects.toMatchObject({
      code: "loading",
      status: 503,
      message: "Loading model",
      retryAfterSeconds: 1,
    });
  });

  test("a worker that is gone is WORKER_UNREACHABLE; one that answers no stream is told so", async () => {
    await expect(ask(`http://127.0.0.1:${await aClosedPort()}`)).rejects.toMatchObject({ code: "WORKER_UNREACHABLE" });
    const other = await aServer((_, response) => sendJson(response, { hello: 1 }));
    await expect(ask(other.url)).rejects.toMatchObject({ code: "BAD_REPLY" });
  });

  test("a worker that falls silent, before or in its answer, is TIMEOUT", async () => {
    const mute = await aServer(() => undefined);
    await expect(ask(mute.url, { headMs: 30 })).rejects.toMatchObject({ code: "TIMEOUT" });
    const stuck = await aWorker((response) => void response.write(piece({ content: "x" })));
    await expect(ask(stuck.url, { idleMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("leaving the loop, or aborting, closes the connection so that the worker stops", async () => {
    for (const how of ["leave", "abort"]) {
      let closed = false;
      const worker = await aWorker((response) => {
        response.on("close", () => (closed = true));
        response.write(piece({ content: "x" }));
      });
      const aborting = new AbortController();
      const request = { worker_url: worker.url, model: "m", messages: [], signal: aborting.signal };
      const listen = async () => {
        for await (const _ of chat(request)) {
          if (how === "leave") break;
          aborting.abort(new Error("enough"));
        }
      };
      if (how === "leave") await listen();
      else await expect(listen()).rejects.toThrow("enough");
      await until(`the connection closed after ${how}`, () => closed);
    }
  });
});
