import { expect, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { type Answer, aFakeWorker, refusing } from "./testing/fake-worker.ts";

const usage = { prompt_tokens: 7, completion_tokens: 30 };
const whole: Answer = ({ response }) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ choices: [], usage }));
};
const streamed: Answer = ({ response }) => {
  response.setHeader("content-type", "text/event-stream");
  response.write('data: {"choices":[{"delta":{"content":"Hi"}}],"usage":null}\n\n');
  response.write(`data: ${JSON.stringify({ choices: [], usage })}\n\n`);
  response.end("data: [DONE]\n\n");
};

/** What telemetry has of each model, this minute. */
const modelsOf = ({ running }: Awaited<ReturnType<typeof aGateway>>) =>
  running.queen.telemetry
    .fleet({ window_ms: 120_000 })
    .models.map(({ model, series }) => [
      model,
      Object.fromEntries(
        Object.entries(series).map(([name, values]) => [name, values.findLast((one) => one !== null)]),
      ),
    ]);

test.each([
  ["whole", whole],
  ["streamed", streamed],
])("an answer that came %s is counted for its model, with the tokens that its worker told", async (_, answer) => {
  const worker = await aFakeWorker(answer);
  const gateway = await aGateway();
  gateway.report([{ url: worker.url }]);
  await (await gateway.chat({ stream: answer === streamed })).text();
  expect(modelsOf(gateway)).toEqual([
    [
      "m",
      {
        ...{ requests: 1, requests_failed: 0, input_tokens: 7, output_tokens: 30, queue_wait_ms: 0 },
        first_byte_ms: expect.any(Number),
      },
    ],
  ]);
});

test("an answer without usage leaves tokens unknown, and a worker that fails is a failure", async () => {
  const worker = await aFakeWorker();
  const gateway = await aGateway();
  gateway.report([{ url: worker.url }]);
  await (await gateway.chat()).text();
  expect(modelsOf(gateway)).toMatchObject([["m", { requests: 1, requests_failed: 0, output_tokens: undefined }]]);

  const broken = await aFakeWorker(refusing(503, { error: "no" }));
  const other = await aGateway();
  other.report([{ url: broken.url }]);
  expect((await other.chat()).status).toBe(503);
  expect(modelsOf(other)).toMatchObject([["m", { requests: 1, requests_failed: 1 }]]);
});

test("a model that nobody has is nobody's request: names that clients think up are not kept", async () => {
  const gateway = await aGateway();
  gateway.report([{ url: "http://127.0.0.1:9" }]);
  expect((await gateway.chat({ model: "thought-up" })).status).toBe(404);
  expect(modelsOf(gateway)).toEqual([]);
});
