import { expect, test } from "vitest";
import { aGateway } from "../../packages/queen/src/gateway/testing/a-gateway.ts";
import { aFakeWorker, type Got } from "../../packages/queen/src/gateway/testing/fake-worker.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();
const PATIENCE = { timeout: 120_000 };

const said = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
const END = `data: ${JSON.stringify({
  choices: [{ delta: {}, finish_reason: "stop" }],
  usage: { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 },
})}\n\ndata: [DONE]\n\n`;

/** Begins an answer, and leaves its end to the story. */
const begin = ({ response }: Got, text: string): void => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(said(text));
};

/** A queen, and two hives of whose workers one answers as the story says. */
async function aPlayground() {
  const gateway = await aGateway();
  const worker = await aFakeWorker(() => undefined);
  const fields = { url: worker.url, model_id: "llama-3-8b", slots_total: 4 };
  gateway.report([{ ...fields, worker_id: "gpu-0", slots_busy: 0 }], "desk");
  gateway.report([{ ...fields, worker_id: "gpu-1", slots_busy: 3, gpu_percent: 80 }], "attic");
  return { gateway, worker };
}

test("a model answers through the gateway, and the page shows who it was, how fast, and why", PATIENCE, async () => {
  const { gateway, worker } = await aPlayground();
  const { page, shoot, go } = await open(gateway.url, { hash: "#/playground" });
  await page.getByLabel("System prompt").fill("Be brief.");
  await page.getByLabel("Temperature").fill("0.2");
  await page.getByLabel("Your message").fill("What is a <b>queen</b>?");
  const asked = worker.next();
  await page.getByRole("button", { name: "Send" }).click();
  const got = await asked;
  expect(JSON.parse(got.body)).toMatchObject({
    ...{ model: "llama-3-8b", stream: true, temperature: 0.2 },
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "What is a <b>queen</b>?" },
    ],
  });
  begin(got, "She keeps the registry: <img src=x onerror=alert(1)> ");
  await page.getByText("She keeps the registry").first().waitFor();
  // While it goes on, who looks elsewhere loses nothing.
  await go("#/models");
  await page.getByRole("heading", { name: "Models" }).waitFor();
  got.response.end(said("she listens to every hive.") + END);
  await go("#/playground");
  await page.locator(".turn").getByText("she listens to every hive.").waitFor();

  // Text is text, whatever it looks like.
  expect(await page.locator("img").count()).toBe(0);
  await page.locator(".turn").getByText("<img src=x onerror=alert(1)>").first().waitFor();
  const turn = page.getByRole("listitem").filter({ hasText: "What is a <b>queen</b>?" });
  await turn.getByRole("link", { name: "gpu-0" }).first().waitFor();
  await turn.getByRole("link", { name: "desk" }).first().waitFor();
  await turn.getByText("12 tokens", { exact: true }).waitFor();
  await turn.getByText(/first token/).waitFor();
  await turn.getByText("Why this worker").click();
  await turn.getByRole("row", { name: /gpu-1/ }).getByText("another one is better").waitFor();
  // Who listens hears the answer once, when it is whole.
  await page
    .getByRole("status")
    .filter({ hasText: "llama-3-8b answered: She keeps the registry" })
    .waitFor({ state: "attached" });
  await shoot("playground");

  await page.getByText("The same with curl").click();
  await page.getByText(`curl -N '${gateway.url}/v1/chat/completions'`).waitFor();
});

test("an answer can be stopped, and the worker is told at once", PATIENCE, async () => {
  const { gateway, worker } = await aPlayground();
  const { page } = await open(gateway.url, { hash: "#/playground" });
  const message = page.getByLabel("Your message");
  await message.fill("Count for ever");
  const asked = worker.next();
  // By keyboard alone.
  await message.press("Enter");
  const got = await asked;
  begin(got, "One, two, ");
  await page.getByText("One, two,").first().waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await got.hungUp;
  await page.getByText("Stopped. The worker was told at once.").waitFor();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByText("Ask something.").waitFor();
});

test("a model that nobody has is told with those that are near, and nobody has to start over", PATIENCE, async () => {
  const { gateway } = await aPlayground();
  const { page, shoot, expects } = await open(gateway.url, { hash: "#/playground?model=llama-3-8" });
  expects(/404/);
  await page.getByLabel("Your message").fill("Hello?");
  await page.getByRole("button", { name: "Send" }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("No worker has this model").waitFor();
  expect(await alert.textContent()).toContain("llama-3-8b");
  await shoot("playground-unknown-model");
});

test("without a model the page says how to get one", PATIENCE, async () => {
  const gateway = await aGateway();
  const { page, shoot } = await open(gateway.url, { hash: "#/playground" });
  await page.getByRole("heading", { name: "No model to talk to yet" }).waitFor();
  await shoot("playground-empty");
});
