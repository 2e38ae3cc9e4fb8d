import { Agent, request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { aFakeWorker, type Got } from "./testing/fake-worker.ts";

const streaming = ({ response }: Got): void => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: 1\n\n");
};

/** A request on a connection that is kept, as a client's second one is. */
function onKeptConnection(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return (path: string, body?: string) =>
    new Promise<{ readonly status: number; readonly body: string; readonly connection: string }>((resolve, reject) => {
      const asking = request(url + path, { agent, method: body === undefined ? "GET" : "POST" }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        const { statusCode = 0, headers } = reply;
        reply.on("end", () => resolve({ status: statusCode, body: text, connection: headers.connection ?? "" }));
      });
      asking.on("error", reject);
      asking.end(body);
    });
}

test("a queen that stops lets answers end, sends away who waits, and takes nothing new", async () => {
  const worker = await aFakeWorker(streaming);
  const gateway = await aGateway();
  gateway.report([{ url: worker.url, slots_total: 1 }]);
  const kept = onKeptConnection(gateway.url);
  expect((await kept("/v1/models")).status).toBe(200);
  const coming = worker.next();
  const reply = await gateway.chat({ stream: true });
  const waiting = gateway.chat();
  await expect.poll(() => gateway.stats().requests.queued).toBe(1);

  const stopped = gateway.running.stop();
  const sentAway = await waiting;
  expect([sentAway.status, await sentAway.json()]).toMatchObject([503, { error: { code: "shutting_down" } }]);
  // Its connection was idle, so it may be closed already.
  const late = await kept("/v1/chat/completions", '{"model":"m"}').catch(() => undefined);
  if (late !== undefined) expect(late).toMatchObject({ status: 503, connection: "close" });
  ((await coming) as Got).response.end("data: [DONE]\n\n");
  expect(await reply.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
  await stopped;
});

test("an answer that takes too long is broken off with a word before the end", async () => {
  const worker = await aFakeWorker(streaming);
  const gateway = await aGateway();
  gateway.report([{ url: worker.url }]);
  const coming = worker.next();
  const reply = await gateway.chat({ stream: true });
  const stopped = gateway.running.stop();
  expect(await reply.text()).toMatch(/^data: 1\n\ndata: \{"error":\{.*"code":"shutting_down"\}\}\n\n$/);
  await ((await coming) as Got).hungUp;
  await stopped;
});
