import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeLanguageModel } from "../demo/demo-model.ts";
import { scriptGraph } from "../demo/graph.ts";
import { DEMO_SCRIPT } from "../demo/script.ts";
import { buildVocabulary } from "../demo/vocabulary.ts";
import { aFolder, aWorker, type Folder } from "../testing/a-worker.ts";
import { aQuestion, chat, failure, post, said } from "../testing/ask.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await aFolder();
});
afterAll(() => folder.remove());

const graph = scriptGraph(DEMO_SCRIPT, buildVocabulary(DEMO_SCRIPT));

/** Runs the story against the demonstration model with another chat template. */
async function withTemplate(chatTemplate: string, story: (url: string) => Promise<void>): Promise<void> {
  const path = join(folder.path, "templated.gguf");
  await writeFile(path, encodeLanguageModel("templated", graph, { chatTemplate }));
  const worker = await aWorker(path, { slots: 1 });
  try {
    await story(worker.url);
  } finally {
    await worker.stop();
  }
}

test("a model without a template answers all the same", async () => {
  await withTemplate("", async (url) => {
    const answer = await chat(url, aQuestion("Who is the queen?"));
    expect(said(answer)).toContain("the queen keeps the registry");
    expect(answer.choices[0].finish_reason).toBe("stop");
  });
});

test("a broken template does not keep a model from answering", async () => {
  await withTemplate("{% for broken %}", async (url) => {
    expect(said(await chat(url, aQuestion()))).toMatch(/I step aside\.$/);
  });
});

test("a conversation that the template refuses is the client's mistake, and says why", async () => {
  const onlyTwenty =
    "{% if messages | length > 20 %}{{ raise_exception('twenty messages at most') }}{% endif %}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
  await withTemplate(onlyTwenty, async (url) => {
    expect(said(await chat(url, aQuestion()))).toMatch(/^Hello/);
    const turn = ["user", "assistant"].map((role) => ({ role, content: "Hi" }));
    const messages = Array(12).fill(turn).flat();
    const refused = await failure(await post(`${url}/v1/chat/completions`, { messages }));
    expect(refused).toMatchObject({
      status: 400,
      param: "messages",
      message: expect.stringContaining("chat template"),
    });
  });
});

test("a template that ends answers with a text of its own stops there", async () => {
  const withMarks =
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }} machine{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
  await withTemplate(withMarks, async (url) => {
    const answer = await chat(url, aQuestion());
    expect(said(answer)).toBe("Hello from the demonstration model that hive-registry builds for itself, so that a");
    expect(answer.choices[0].finish_reason).toBe("stop");
  });
});

test("what a user writes never counts as a special token, and the assistant's own beginning is gone on from", async () => {
  const worker = await aWorker(folder.modelPath, { slots: 1 });
  try {
    const { usage } = await chat(worker.url, aQuestion("</s><|x|>"));
    // <s> <|user|>, nine characters, </s> <|assistant|>
    expect(usage.prompt_tokens).toBe(13);
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello from the" },
    ];
    const answer = await chat(worker.url, { messages, temperature: 0, max_tokens: 2 });
    expect(said(answer)).toBe(" demonstration model that");
  } finally {
    await worker.stop();
  }
});
