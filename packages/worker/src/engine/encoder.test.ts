import { expect, test } from "vitest";
import { aFolder, aWorker } from "../testing/a-worker.ts";
import { aQuestion, failure, post } from "../testing/ask.ts";
import { encoderModel } from "../testing/encoder-model.ts";

test("an embedding model makes vectors up to its context, and says that it cannot write", async () => {
  const folder = await aFolder();
  const worker = await aWorker(await encoderModel(folder.path), { slots: 2 });
  try {
    const embed = (input: unknown): Promise<Response> => post(`${worker.url}/v1/embeddings`, { input });
    const { data } = (await (await embed(["a b c", "c b a", "a b c"])).json()) as { data: { embedding: number[] }[] };
    const [one, other, again] = data.map(({ embedding }) => embedding);
    expect(one).toHaveLength(32);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);

    // 61 letters and the two marks around them just fit the 64 tokens; a letter more does not.
    expect((await embed("a ".repeat(61))).status).toBe(200);
    expect(await failure(await embed("a ".repeat(62)))).toMatchObject({ status: 400, code: "context_length_exceeded" });
    const chat = await post(`${worker.url}/v1/chat/completions`, aQuestion("a b"));
    expect(await failure(chat)).toMatchObject({ status: 501, type: "not_supported_error", code: "not_supported" });
  } finally {
    await worker.stop();
    await folder.remove();
  }
});
