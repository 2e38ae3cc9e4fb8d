import { join } from "node:path";
import { expect, test } from "vitest";
import { aTraceReceiver } from "../packages/queen/src/observability/testing/trace-receiver.ts";
import { eventually } from "./support/eventually.ts";
import { aWorkplace, ROOT, type Workplace } from "./support/workplace.ts";

const ask = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "hive-demo", messages: [{ role: "user", content: "Hi" }], max_tokens: 3 }),
  });

test("a queen that is told of a receiver as OpenTelemetry says sends it her requests, the last ones when she stops", async () => {
  const receiver = await aTraceReceiver();
  const place = aWorkplace();
  const { origin } = new URL(receiver.endpoint);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: origin, OTEL_SERVICE_NAME: "our-queen" };
  const queen = await place.queen([], { env });
  await place.agent(queen.url, ["--id", "desk"]);
  await eventually("a worker", async () => (await queen.client.listWorkers({ state: "idle" }))[0]);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const reply = await ask(queen.url, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  expect(reply.status).toBe(200);
  await reply.text();
  expect(await queen.end()).toEqual({ code: 0, signal: null });
  expect(receiver.spans.map(({ name, traceId: id }) => [name, id])).toEqual([
    ["choice", traceId],
    ["chat hive-demo", traceId],
    ["POST /v1/chat/completions", traceId],
  ]);
  expect(receiver.senders[0]).toMatchObject({ "service.name": "our-queen" });
});

test("a queen whose receiver takes nothing serves and stops as always, and says so in her log", async () => {
  const place = aWorkplace();
  const receiver = await aTraceReceiver(400);
  const queen = await place.queen(["--traces-endpoint", receiver.endpoint, "--heartbeat-interval-ms", "100"]);
  expect((await ask(queen.url)).status).toBe(404);
  expect(await queen.end()).toEqual({ code: 0, signal: null });
  expect(receiver.asked).toEqual([400]);
  expect(queen.stderr()).toContain("traces could not be sent");
  expect(receiver.spans).toEqual([]);
});

/** Files of OpenTelemetry that a queen has loaded once she listens. */
async function loaded(place: Workplace, settings: object): Promise<number> {
  const program = `
    import { createRequire } from "node:module";
    import { serveQueen } from ${JSON.stringify(join(ROOT, "packages/queen/dist/index.js"))};
    const none = () => {};
    const log = { level: "silent", fatal: none, error: none, warn: none, info: none, debug: none, trace: none, silent: none };
    log.child = () => log;
    const queen = await serveQueen({ log }, {
      port: 0, listen: "127.0.0.1", catalog: "memory", stateDir: ".", tokenFile: undefined, token: undefined,
      heartbeatIntervalMs: 5000, maxHeartbeatsPerSecond: 5000, evictAfterMs: 0, ...${JSON.stringify(settings)},
    });
    const files = Object.keys(createRequire(import.meta.url).cache);
    console.log(files.filter((file) => file.includes("@opentelemetry")).length);
    await queen.stop();
  `;
  const { code, stdout, stderr } = await place.run(place.file("queen.mjs", program), []);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return Number(stdout);
}

test("a queen without a receiver loads nothing of OpenTelemetry", async () => {
  const place = aWorkplace();
  expect(await loaded(place, {})).toBe(0);
  const traces = { endpoint: "http://127.0.0.1:9/v1/traces", serviceName: "q", sampleRatio: 1 };
  expect(await loaded(place, { traces })).toBeGreaterThan(20);
});
