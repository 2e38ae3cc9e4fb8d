import { expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { aPage } from "./support/page.ts";
import { aWorkplace } from "./support/workplace.ts";

/** What the page's script offers to the test. */
interface PageScript {
  open(queenUrl: string, token?: string): Promise<number>;
  say(question: string): Promise<{ status: number; worker: string | null; pieces: number; text: string }>;
  ask(question: string): Promise<string>;
  staleMs(): number;
  places(): number;
}
declare const script: PageScript;

const SCRIPT = `
import { connect } from "@hive-registry/client";
import OpenAI from "openai";

const messages = (content) => [{ role: "user", content }];
let fleet;
window.script = {
  async open(url, token) {
    fleet = connect(url, { token });
    await fleet.ready;
    return fleet.workers().length;
  },
  async say(question) {
    const body = JSON.stringify({ model: "hive-demo", stream: true, messages: messages(question) });
    const response = await fleet.fetch("/v1/chat/completions", { method: "POST", body });
    let text = "", pieces = 0;
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; pieces++) {
      const { done, value } = await reader.read();
      if (done) return { status: response.status, worker: response.headers.get("x-hive-worker"), pieces, text };
      text += value;
    }
  },
  async ask(question) {
    const openai = new OpenAI({ ...fleet.openai(), dangerouslyAllowBrowser: true });
    const stream = await openai.chat.completions.create({ model: "hive-demo", messages: messages(question), stream: true });
    let said = "";
    for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? "";
    return said;
  },
  staleMs: () => fleet.stale_ms,
  places: () => fleet.registry.reservationCount(),
};
`;

test("a page follows the queen, streams straight from a worker, and goes on when the queen is gone", {
  timeout: 180_000,
}, async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen(["--catalog", "memory"]);
  await workplace.agent(queen.url, ["--id", "desk"]);
  await eventually("a worker", () => queen.client.route("hive-demo").catch(() => undefined));
  const page = await aPage(SCRIPT);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));

  expect(await page.evaluate((url) => script.open(url), queen.url)).toBe(1);
  const streamed = await page.evaluate(() => script.say("What is a queen?"));
  expect(streamed).toMatchObject({ status: 200, worker: "demo" });
  expect(streamed.pieces).toBeGreaterThan(3);
  expect(streamed.text).toMatch(/data: \[DONE\]\s*$/);
  expect(await page.evaluate(() => script.ask("What is a queen?"))).toContain("the queen keeps the registry");

  await queen.end("SIGKILL");
  await eventually("the page notices", async () => (await page.evaluate(() => script.staleMs())) > 0);
  expect(await page.evaluate(() => script.ask("What is a worker?"))).toContain("a worker is one inference server");
  await eventually("every place is given back", async () => (await page.evaluate(() => script.places())) === 0);
  expect(faults).toEqual([]);
});

test("a page that has the token may ask a queen that demands it, and workers too", { timeout: 180_000 }, async () => {
  const workplace = aWorkplace();
  const token = "a-token-that-is-long-enough-for-anybody";
  const file = workplace.file("token", token);
  const queen = await workplace.queen(["--catalog", "memory", "--token-file", file], { token });
  await workplace.agent(queen.url, ["--id", "desk", "--token-file", file, "--listen", "0.0.0.0"], { token });
  await eventually("a worker", () => queen.client.route("hive-demo").catch(() => undefined));
  const page = await aPage(SCRIPT);
  const opened = page.evaluate((given) => script.open(given.url, given.token), { url: queen.url, token: "wrong" });
  await expect(opened).rejects.toThrow("The token is wrong");
  expect(await page.evaluate((given) => script.open(given.url, given.token), { url: queen.url, token })).toBe(1);
  expect(await page.evaluate(() => script.ask("What is a queen?"))).toContain("the queen keeps the registry");
});
