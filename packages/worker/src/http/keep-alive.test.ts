import pino from "pino";
import { expect, test } from "vitest";
import type { GenerateEvent } from "../engine/engine.ts";
import { FakeEngine } from "../engine/testing/fake-engine.ts";
import { WorkerStatus } from "../status.ts";
import { aQuestion, post } from "../testing/ask.ts";
import { createServer } from "./server.ts";

test("a stream that is silent for long says something that readers skip", async () => {
  const status = new WorkerStatus({ now: Date.now }, { slots: 1 });
  let speak = (): void => {};
  const silence = new Promise<void>((resolve) => {
    speak = resolve;
  });
  status.ready(
    new FakeEngine(async function* (): AsyncGenerator<GenerateEvent, void, void> {
      await silence;
      yield { type: "start", prompt_tokens: 1, cached_tokens: 0 };
      yield { type: "text", text: "at last" };
      yield { type: "end", finish_reason: "stop", completion_tokens: 1 };
    }),
  );
  const app = createServer(
    { status, log: pino({ level: "silent" }), stopping: new AbortController().signal, now: Date.now },
    { modelId: "fake", keepAliveMs: 5 },
  );
  try {
    const url = await app.listen({ port: 0 });
    const response = await post(`${url}/v1/chat/completions`, aQuestion("Hi", { stream: true }));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n\n:\n\n:\n\n")) text += (await reader.read()).value ?? "";
    speak();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toMatch(/^data: \{[^\n]*"role":"assistant"[^\n]*\}\n\n:\n\n/);
    expect(text).toMatch(/at last[\s\S]*data: \[DONE\]\n\n$/);
  } finally {
    await app.close();
  }
});
