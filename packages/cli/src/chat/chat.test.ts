import type { ServerResponse } from "node:http";
import { ClientError, chat as chatWith, type HiveWorker, type ModelSummary } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { aModel, aPage, on, type Page } from "../testing/fakes.ts";
import { aServer, type TestServer } from "../testing/server.ts";
import { type ChatDeps, chat } from "./chat.ts";
import { HISTORY_MESSAGES_MAX } from "./conversation.ts";
import { BUSY_TRIES_MAX, modelAndPrompt } from "./pick.ts";

const piece = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
const last = (reason = "stop") =>
  `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: reason }] })}\n\ndata: [DONE]\n\n`;

/** A worker that answers each question with the next of `answers`. */
async function aWorkerThatSays(...answers: ((response: ServerResponse) => void)[]) {
  let asked = 0;
  const server = await aServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    answers[Math.min(asked++, answers.length - 1)]?.(response);
  });
  const messages = (at: number) => JSON.parse(server.bodies[at] ?? "{}").messages;
  return { ...server, messages };
}

const says =
  (text: string, reason = "stop") =>
  (response: ServerResponse) =>
    void response.end(piece(text) + last(reason));

interface Story {
  readonly page: Page;
  readonly deps: ChatDeps;
  readonly routed: string[];
  readonly waited: number[];
  interrupt(): void;
}

/** A queen with one model, `m`, whose route leads to each of `workers` in turn; and a person who types `questions`. */
function aStory(
  workers: readonly (HiveWorker | "busy")[],
  more: {
    readonly questions?: readonly string[];
    readonly piped?: string;
    readonly models?: readonly ModelSummary[];
    /** So often the queen says that a worker is being started. */
    readonly coming?: number;
    /** And then this. */
    readonly failure?: ClientError;
  } = {},
): Story {
  let reserved = 0;
  const page = aPage();
  const routed: string[] = [];
  const waited: number[] = [];
  const questions = [...(more.questions ?? [])];
  let interrupting = new AbortController();
  const deps: ChatDeps = {
    ...page,
    client: {
      models: async () => more.models ?? [aModel("m")],
      route: async (model) => {
        const next = workers[Math.min(routed.length, workers.length - 1)];
        routed.push(model);
        if (next === undefined || next === "busy")
          throw new ClientError("NO_WORKER", "none", { status: 503, server: "queen" });
        return { ...next, model_loaded: next.worker.model_id === model };
      },
      reserve: async () => {
        const coming = (more.coming ?? 0) > reserved++;
        const details = coming ? { coming_within_ms: 9_000 } : undefined;
        throw (coming ? undefined : more.failure) ?? new ClientError("NO_WORKER", "none", { status: 503, details });
      },
      release: async () => undefined,
    },
    chat: chatWith,
    isTerminal: true,
    piped: async () => more.piped,
    question: async () => questions.shift(),
    interruptible: () => {
      interrupting = new AbortController();
      return { signal: interrupting.signal, end: () => undefined };
    },
    pause: async (ms) => void waited.push(ms),
  };
  return { page, deps, routed, waited, interrupt: () => interrupting.abort(new Error("Ctrl-C")) };
}

const at = (server: TestServer, worker_id = "w1") => on("desk", { worker_id, url: server.url, model_id: "m" });
const ask = (story: Story, prompt?: string, model: string | undefined = "m") =>
  chat(story.deps, { model, prompt, token: undefined }, {});

describe("hive chat with a prompt", () => {
  test("streams the answer from the worker itself to stdout, and says on stderr who answers", async () => {
    const worker = await aWorkerThatSays((response) => void response.end(piece("Hel") + piece("lo") + last()));
    const story = aStory([at(worker)]);
    expect(await ask(story, "hi")).toBe(0);
    expect(story.page.text()).toBe("Hello\n");
    expect(story.page.err).toEqual([`m: w1 on desk answers (${worker.url})`]);
    expect(worker.messages(0)).toEqual([{ role: "user", content: "hi" }]);
  });

  test("flags and the token reach the worker", async () => {
    const worker = await aWorkerThatSays(says("x", "length"));
    const story = aStory([at(worker)]);
    await chat(
      story.deps,
      { model: "m", prompt: "hi", token: "key" },
      { system: "Be brief", maxTokens: 9, temperature: 0, seed: 3 },
    );
    const body = JSON.parse(worker.bodies[0] ?? "");
    expect(body).toMatchObject({ model: "m", max_tokens: 9, temperature: 0, seed: 3, stream: true });
    expect(body.messages[0]).toEqual({ role: "system", content: "Be brief" });
    expect(worker.headers[0]?.authorization).toBe("Bearer key");
    expect(story.page.err.join()).toContain("--max-tokens");
  });

  test("takes its prompt from a pipe; an empty one is a mistake", async () => {
    const worker = await aWorkerThatSays(says("ok"));
    expect(await ask(aStory([at(worker)], { piped: "from a file\n" }))).toBe(0);
    expect(worker.messages(0)).toEqual([{ role: "user", content: "from a file\n" }]);
    await expect(ask(aStory([at(worker)], { piped: " \n" }))).rejects.toMatchObject({ exitCode: 2 });
  });

  test("what a model says cannot steer a terminal; a file gets it as it is", async () => {
    const worker = await aWorkerThatSays(says("a\u001B[2Jb\n"));
    const story = aStory([at(worker)]);
    await ask(story, "hi");
    expect(story.page.text()).toBe("a\uFFFD[2Jb\n");
    const file = aStory([at(worker)]);
    await chat({ ...file.deps, isTerminal: false }, { model: "m", prompt: "hi", token: undefined }, {});
    expect(file.page.text()).toBe("a\u001B[2Jb\n");
  });

  test("a model that nobody has: exit 1 and what there is", async () => {
    const models = [aModel("b"), aModel("a")];
    const story = aStory([on("desk", { model_id: "a" })], { models });
    await expect(ask(story, "hi", "nope")).rejects.toMatchObject({
      exitCode: 1,
      message: "No worker has nope loaded. There are: a, b",
    });
    await expect(ask(aStory(["busy"], { models: [] }), "hi", "nope")).rejects.toThrow("hive worker start");
  });

  test("a model that is started for it is waited for, however long the queen says that it comes", async () => {
    const worker = await aWorkerThatSays(says("Hello"));
    const busy = Array.from({ length: 2 * BUSY_TRIES_MAX }, () => "busy" as const);
    const story = aStory([...busy, at(worker)], { models: [], coming: busy.length });
    expect(await ask(story, "Hi")).toBe(0);
    expect(story.page.text()).toBe("Hello\n");
    expect(story.page.err.filter((line) => line.includes("is being started"))).toHaveLength(1);
  });

  test("a model that could not be started: the queen's words", async () => {
    const failure = new ClientError("MODEL_TRUNCATED", "It is cut off", { status: 422 });
    const story = aStory(["busy"], { models: [], coming: 1, failure });
    await expect(ask(story, "Hi")).rejects.toMatchObject({ code: "MODEL_TRUNCATED" });
  });

  test("while every worker is busy it waits and asks again, within bounds", async () => {
    const worker = await aWorkerThatSays(says("at last"));
    const story = aStory(["busy", "busy", at(worker)]);
    expect(await ask(story, "hi")).toBe(0);
    expect(story.waited).toHaveLength(2);
    expect(story.page.err[0]).toContain("busy; waiting");

    const never = aStory(["busy"]);
    await expect(ask(never, "hi")).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining("still busy"),
    });
    expect(never.waited).toHaveLength(BUSY_TRIES_MAX - 1);
  });

  test("a worker that is gone or refuses before it speaks is replaced by another", async () => {
    const gone = await aServer(() => undefined);
    await gone.close();
    const full = await aServer((_, response) => {
      response.writeHead(503, { "content-type": "application/json" }).end('{"error":{"message":"queue full"}}');
    });
    const well = await aWorkerThatSays(says("fine"));
    const story = aStory([at(gone, "gone"), at(full, "full"), at(well, "well")]);
    expect(await ask(story, "hi")).toBe(0);
    expect(story.page.text()).toBe("fine\n");
    expect(story.page.err.at(-1)).toContain("well on desk answers");
  });

  test("an answer that breaks off is never begun again: what came stays, and the failure is told", async () => {
    const worker = await aWorkerThatSays((response) => void response.end(piece("half an ans")));
    const story = aStory([at(worker)]);
    await expect(ask(story, "hi")).rejects.toMatchObject({ code: "STREAM_CUT" });
    expect(story.page.text()).toBe("half an ans\n");
    expect(story.routed).toHaveLength(1);
  });

  test("Ctrl-C stops the generation: the worker's connection closes, exit 1", async () => {
    let closed: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const story: Story = aStory([
      at(
        await aWorkerThatSays((response) => {
          response.on("close", closed);
          response.write(piece("endless"));
        }),
      ),
    ]);
    const deps = {
      ...story.deps,
      write: (text: string) => {
        story.page.write(text);
        if (text === "endless") story.interrupt();
      },
    };
    expect(await chat(deps, { model: "m", prompt: "hi", token: undefined }, {})).toBe(1);
    await gone;
    expect(story.page.text()).toBe("endless\n");
    expect(story.page.err.at(-1)).toBe("Stopped.");
  });
});

describe("hive chat as a conversation", () => {
  test("each question carries what was said before, and one worker is kept", async () => {
    const worker = await aWorkerThatSays(says("one"), says("two"));
    const story = aStory([at(worker)], { questions: ["first", "", "second"] });
    expect(await ask(story)).toBe(0);
    expect(story.page.text()).toBe("one\ntwo\n");
    expect(story.routed).toEqual(["m"]);
    expect(worker.messages(1)).toEqual([
      { role: "user", content: "first" },
      { role: "assistant", content: "one" },
      { role: "user", content: "second" },
    ]);
  });

  test("a failed answer is told and does not end the conversation; its question is forgotten", async () => {
    const worker = await aWorkerThatSays(
      (response) => void response.end('data: {"error":{"message":"out of memory","code":"oom"}}\n\n'),
      says("better"),
    );
    const story = aStory([at(worker)], { questions: ["too long", "short"] });
    expect(await ask(story)).toBe(0);
    expect(story.page.err.join("\n")).toContain("out of memory");
    expect(worker.messages(1)).toEqual([{ role: "user", content: "short" }]);
  });

  test("a long conversation forgets its beginning", async () => {
    const worker = await aWorkerThatSays(says("a"));
    const questions = Array.from({ length: HISTORY_MESSAGES_MAX / 2 + 3 }, (_, turn) => `q${turn}`);
    await ask(aStory([at(worker)], { questions }));
    const sent = worker.messages(questions.length - 1);
    expect(sent).toHaveLength(HISTORY_MESSAGES_MAX);
    expect(sent.at(-1)).toEqual({ role: "user", content: questions.at(-1) });
  });
});

describe("which model is meant", () => {
  const both = { model: undefined, prompt: undefined };

  test("without a name the only one; with several their names", () => {
    expect(modelAndPrompt(both, [aModel("m")])).toEqual({ model: "m", prompt: undefined });
    expect(() => modelAndPrompt(both, [aModel("m"), aModel("n")])).toThrow("Which model? There are: m, n");
    expect(() => modelAndPrompt(both, [])).toThrow("No model is loaded");
  });

  test("a single sentence is a prompt for the only model; a single word is a name, even a wrong one", () => {
    expect(modelAndPrompt({ model: "What are you?", prompt: undefined }, [aModel("m")])).toEqual({
      model: "m",
      prompt: "What are you?",
    });
    expect(modelAndPrompt({ model: "lama", prompt: undefined }, [aModel("m")])).toEqual({
      model: "lama",
      prompt: undefined,
    });
    expect(modelAndPrompt({ model: "m", prompt: "hi" }, [])).toEqual({ model: "m", prompt: "hi" });
  });
});
