import { ClientError, type Explanation } from "@hive-registry/client";
import { expect, test } from "vitest";
import { ANSWER_CHARS_MAX, type AskDeps, Conversation, TURNS_MAX } from "./conversation.ts";
import { curlText } from "./curl.ts";

const EXPLAINED: Explanation = { policy: "best", model: "m", resolved: ["m"], candidates: [], left_out: 0 };

/** A gateway that answers with these events, each of them when the clock stands 100 ms later. */
function aGateway(events: readonly object[], headers: Record<string, string> = {}) {
  let ms = 0;
  const asked: { readonly url: string; readonly body: unknown; readonly signal: AbortSignal | null | undefined }[] = [];
  const fetch = async (url: string, init?: RequestInit) => {
    asked.push({ url, body: JSON.parse(String(init?.body)), signal: init?.signal });
    let at = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          ms += 100;
          const event = events[at++];
          const text = event === undefined ? "data: [DONE]\n\n" : `data: ${JSON.stringify(event)}\n\n`;
          controller.enqueue(new TextEncoder().encode(text));
          if (event === undefined) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { headers: { "content-type": "text/event-stream", ...headers } });
  };
  return { fetch, asked, nowMs: () => ms };
}

const depsOf = (fetch: AskDeps["gateway"]["fetch"], nowMs: () => number = () => 0): AskDeps => ({
  gateway: { baseUrl: "http://queen", token: undefined, fetch },
  explain: () => Promise.resolve(EXPLAINED),
  nowMs,
  onFrame: (callback) => callback(),
});

const says = (content: string) => ({ choices: [{ delta: { content } }] });
const ends = {
  choices: [{ delta: {}, finish_reason: "stop" }],
  usage: { completion_tokens: 11, prompt_tokens: 3, total_tokens: 14 },
};

test("an answer says who gave it, how fast, and why this one", async () => {
  const { fetch, nowMs } = aGateway([says("Good "), says("day"), ends], {
    ...{ "x-hive-worker": "gpu-0", "x-hive-id": encodeURIComponent("büro"), "x-hive-queue-ms": "7" },
  });
  const conversation = new Conversation();
  conversation.model.value = "m";
  await conversation.ask("Hello", depsOf(fetch, nowMs));
  expect(conversation.turns.value).toEqual([
    {
      ...{ id: 1, question: "Hello", model: "m", answer: "Good day", reasoning: "", state: "answered" },
      ...{ finish_reason: "stop", explanation: EXPLAINED },
      answerer: { hive_id: "büro", worker_id: "gpu-0", queue_ms: 7 },
      speed: { first_token_ms: 100, total_ms: 400, tokens: 11, tokens_per_second: 10_000 / 300 },
    },
  ]);
  expect(conversation.isBusy.value).toBe(false);
});

test("what was said before goes along, and what failed does not", async () => {
  const conversation = new Conversation();
  conversation.model.value = "m";
  conversation.system.value = "Be brief.";
  conversation.temperature.value = "0.2";
  conversation.maxTokens.value = "64";
  await conversation.ask(
    "lost",
    depsOf(() => Promise.reject(new TypeError("failed"))),
  );
  expect(conversation.turns.value[0]?.error).toMatchObject({ code: "QUEEN_UNREACHABLE" });
  await conversation.ask("one", depsOf(aGateway([says("1")]).fetch));
  const second = aGateway([says("2")]);
  await conversation.ask("two", depsOf(second.fetch));
  expect(second.asked[0]).toMatchObject({
    url: "http://queen/v1/chat/completions",
    body: {
      ...{ model: "m", stream: true, temperature: 0.2, max_tokens: 64 },
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "one" },
        { role: "assistant", content: "1" },
        { role: "user", content: "two" },
      ],
    },
  });
});

test("stopping hangs up and keeps what came; clearing forgets it", async () => {
  const conversation = new Conversation();
  let signal: AbortSignal | null | undefined;
  const forEver = async (_url: string, init?: RequestInit) => {
    signal = init?.signal;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(says("So far"))}\n\n`));
        signal?.addEventListener("abort", () => controller.error(signal?.reason));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const answered = new Promise<void>((resolve) => {
    conversation.turns.subscribe((turns) => {
      if (turns.at(-1)?.answer === "So far") resolve();
    });
  });
  const asking = conversation.ask("Talk", depsOf(forEver));
  await answered;
  expect(conversation.isBusy.value).toBe(true);
  conversation.stop();
  await asking;
  expect(signal?.aborted).toBe(true);
  expect(conversation.turns.value).toMatchObject([{ state: "stopped", answer: "So far" }]);

  const again = conversation.ask("Talk", depsOf(forEver));
  conversation.clear();
  await again;
  expect(conversation.turns.value).toEqual([]);
  expect(conversation.isBusy.value).toBe(false);
});

test("the gateway's own words are kept: an unknown model names those that are near", async () => {
  const message = "No worker serves llama-3-8. Near: llama-3-8b";
  const conversation = new Conversation();
  const refuse = () =>
    Promise.resolve(
      Response.json({ error: { message, type: "invalid_request_error", code: "model_not_found" } }, { status: 404 }),
    );
  await conversation.ask("Hello", depsOf(refuse));
  const [turn] = conversation.turns.value;
  expect(turn?.state).toBe("failed");
  expect(turn?.error).toBeInstanceOf(ClientError);
  expect(turn?.error).toMatchObject({ code: "model_not_found", message, status: 404 });
});

test("no answer and no conversation grows for ever", async () => {
  const long = "x".repeat(ANSWER_CHARS_MAX / 4);
  const conversation = new Conversation();
  await conversation.ask("Talk", depsOf(aGateway(Array.from({ length: 100 }, () => says(long))).fetch));
  expect(conversation.turns.value[0]?.answer.length).toBe(ANSWER_CHARS_MAX + long.length);
  expect(conversation.turns.value[0]?.state).toBe("stopped");
  for (let at = 0; at < TURNS_MAX + 5; at++) {
    await conversation.ask(
      "fails",
      depsOf(() => Promise.reject(new TypeError("failed"))),
    );
  }
  expect(conversation.turns.value).toHaveLength(TURNS_MAX);
});

test("the command for a shell is quoted, and has no token in it", () => {
  const question = { model: "m", messages: [{ role: "user", content: "it's $HOME" }] };
  expect(curlText("http://queen:7833", question, { withToken: true })).toBe(
    [
      "curl -N 'http://queen:7833/v1/chat/completions' \\",
      "  -H 'content-type: application/json' \\",
      '  -H "authorization: Bearer $HIVE_TOKEN" \\',
      `  -d '{"model":"m","messages":[{"role":"user","content":"it'\\''s $HOME"}],"stream":true}'`,
    ].join("\n"),
  );
});
