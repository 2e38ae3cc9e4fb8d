import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { type AGateway, aGateway } from "../gateway/testing/a-gateway.ts";
import { aFakeWorker, type Got, refusing } from "../gateway/testing/fake-worker.ts";
import { type ASpan, aTraceReceiver, type TraceReceiver } from "./testing/trace-receiver.ts";
import { openTraces } from "./traces.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const THEIRS = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`, tracestate: "vendor=a" };

/** A gateway that sends its traces to a receiver; they are there once it has stopped. */
async function aTracedGateway({ sampleRatio = 1 } = {}): Promise<{
  readonly gateway: AGateway;
  readonly receiver: TraceReceiver;
  readonly ended: () => Promise<readonly ASpan[]>;
}> {
  const receiver = await aTraceReceiver();
  const gateway = await aGateway(
    {},
    { traces: { endpoint: receiver.endpoint, serviceName: "queen-of-tests", sampleRatio } },
  );
  return {
    ...{ gateway, receiver },
    ended: async () => {
      await gateway.running.stop();
      return receiver.spans;
    },
  };
}

/** Names of the spans below a request's, in the order in which they began, each with how it ended. */
function below(spans: readonly ASpan[], request: ASpan): (readonly unknown[])[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === request.spanId)
    .map(({ name, attributes }) => [
      name,
      attributes["hive_registry.outcome"],
      attributes["http.response.status_code"] ?? "-",
    ]);
}

const requestsIn = (spans: readonly ASpan[]): readonly ASpan[] => spans.filter(({ kind }) => kind === 2);
const onlyIn = (spans: readonly ASpan[]): ASpan => {
  const requests = requestsIn(spans);
  expect(requests).toHaveLength(1);
  return requests[0] as ASpan;
};

describe("a traced request", () => {
  test("is one span, with its choice and its try below it, and none of what was said", async () => {
    const worker = await aFakeWorker(({ response }) => {
      const usage = { prompt_tokens: 7, completion_tokens: 30 };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ choices: [{ message: { content: "the secret answer" } }], usage }));
    });
    const { gateway, receiver, ended } = await aTracedGateway();
    gateway.report([{ url: worker.url, engine: "llama-cpp" }]);
    expect((await gateway.chat({ messages: [{ role: "user", content: "the secret question" }] })).status).toBe(200);
    const spans = await ended();
    const request = onlyIn(spans);
    expect(request).toMatchObject({ name: "POST /v1/chat/completions", parentSpanId: undefined, isError: false });
    expect(request.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "url.path": "/v1/chat/completions",
      "url.scheme": "http",
      "http.response.status_code": 200,
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "m",
      "gen_ai.usage.input_tokens": 7,
      "gen_ai.usage.output_tokens": 30,
      "hive_registry.stream": false,
      "hive_registry.ending": "ok",
      "hive_registry.tries": 1,
    });
    expect(below(spans, request)).toEqual([
      ["choice", "worker", "-"],
      ["chat m", "ok", 200],
    ]);
    const attempt = spans.find(({ name }) => name === "chat m") as ASpan;
    const { hostname, port } = new URL(worker.url);
    expect(attempt).toMatchObject({ kind: 3, events: ["first byte"], traceId: request.traceId });
    expect(attempt.attributes).toMatchObject({
      ...{ "server.address": hostname, "server.port": Number(port), "gen_ai.provider.name": "llama-cpp" },
      ...{ "hive_registry.hive_id": "desk", "hive_registry.worker_id": "w0" },
    });
    expect(receiver.senders[0]).toMatchObject({ "service.name": "queen-of-tests" });
    expect(JSON.stringify(spans)).not.toContain("secret");
  });

  test("goes on with its client's trace, and the worker with ours", async () => {
    const worker = await aFakeWorker();
    const { gateway, ended } = await aTracedGateway({ sampleRatio: 0 });
    gateway.report([{ url: worker.url }]);
    await gateway.chat({}, { headers: THEIRS });
    const spans = await ended();
    const request = onlyIn(spans);
    expect([request.traceId, request.parentSpanId]).toEqual([TRACE_ID, "00f067aa0ba902b7"]);
    const attempt = spans.find(({ kind }) => kind === 3) as ASpan;
    const { traceparent, tracestate } = (worker.got[0] as Got).headers;
    expect([traceparent, tracestate]).toEqual([`00-${TRACE_ID}-${attempt.spanId}-01`, "vendor=a"]);
  });

  test("that its client does not want traced is not, and the worker is told so", async () => {
    const worker = await aFakeWorker();
    const { gateway, ended } = await aTracedGateway();
    gateway.report([{ url: worker.url }]);
    await gateway.chat({}, { headers: { traceparent: THEIRS.traceparent.replace(/01$/, "00") } });
    expect(await ended()).toEqual([]);
    expect((worker.got[0] as Got).headers.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
  });

  test.each([
    ["garbage"],
    [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
    [`ff-${TRACE_ID}-00f067aa0ba902b7-01`],
    [`00-${TRACE_ID}-00f067aa0ba902b7-01-more`],
  ])("with a trace that nobody can read, %s, begins one of its own", async (traceparent) => {
    const worker = await aFakeWorker();
    const { gateway, ended } = await aTracedGateway();
    gateway.report([{ url: worker.url }]);
    await gateway.chat({}, { headers: { traceparent } });
    const request = onlyIn(await ended());
    expect(request.parentSpanId).toBeUndefined();
    expect(request.traceId).not.toBe(TRACE_ID);
  });

  test("that another worker answered has a span for each try, the failed one as an error", async () => {
    const bad = await aFakeWorker(refusing(503, ""));
    const good = await aFakeWorker();
    const { gateway, ended } = await aTracedGateway();
    gateway.report([
      { url: bad.url, gpu_percent: 0 },
      { url: good.url, gpu_percent: 50 },
    ]);
    expect((await gateway.chat()).status).toBe(200);
    const spans = await ended();
    const request = onlyIn(spans);
    expect(below(spans, request)).toEqual([
      ["choice", "worker", "-"],
      ["chat m", "error", 503],
      ["choice", "worker", "-"],
      ["chat m", "ok", 200],
    ]);
    const [failed, answered] = spans.filter(({ kind }) => kind === 3) as [ASpan, ASpan];
    expect([failed.isError, failed.attributes["error.type"]]).toEqual([true, "503"]);
    expect(answered.attributes).toMatchObject({ "http.request.resend_count": 1, "hive_registry.worker_id": "w1" });
    expect([request.isError, request.attributes["hive_registry.tries"]]).toEqual([false, 2]);
    // Each worker was named the span of its own try.
    expect((bad.got[0] as Got).headers.traceparent).toContain(failed.spanId);
    expect((good.got[0] as Got).headers.traceparent).toContain(answered.spanId);
  });

  test("that waited in line has a span for the wait", async () => {
    const worker = await aFakeWorker();
    const { gateway, ended } = await aTracedGateway();
    gateway.report([{ url: worker.url, state: "Busy" }]);
    const asked = gateway.chat();
    await expect.poll(() => gateway.stats().requests.queued).toBe(1);
    gateway.report([{ url: worker.url, state: "Idle" }]);
    expect((await asked).status).toBe(200);
    const spans = await ended();
    expect(below(spans, onlyIn(spans))).toEqual([
      ["choice", "waits", "-"],
      ["queue", "worker", "-"],
      ["chat m", "ok", 200],
    ]);
  });

  test("whose client hangs up ends then, and so does the try; one that still waits ends its wait", async () => {
    const worker = await aFakeWorker(() => undefined);
    const { gateway, ended } = await aTracedGateway();
    gateway.report([{ url: worker.url, slots_total: 1 }]);
    const coming = worker.next();
    const client = new AbortController();
    const asked = gateway.chat({}, { signal: client.signal }).catch(() => "hung up");
    const { hungUp } = await coming;
    const second = gateway.chat({}, { signal: client.signal }).catch(() => "hung up");
    await expect.poll(() => gateway.stats().requests.queued).toBe(1);
    client.abort();
    expect(await Promise.all([asked, second])).toEqual(["hung up", "hung up"]);
    await hungUp;
    await expect.poll(() => gateway.stats().requests.queued).toBe(0);
    const spans = await ended();
    const requests = requestsIn(spans);
    expect(requests.map(({ attributes, isError }) => [attributes["hive_registry.ending"], isError])).toEqual([
      ["hangup", false],
      ["hangup", false],
    ]);
    expect(requests.map((request) => below(spans, request)).sort((a, b) => (String(a) < String(b) ? 1 : -1))).toEqual([
      [
        ["choice", "worker", "-"],
        ["chat m", "cancelled", "-"],
      ],
      [
        ["choice", "waits", "-"],
        ["queue", "left", "-"],
      ],
    ]);
  });

  test("whose client is sent to the worker itself ends there, for nobody tells how it goes on", async () => {
    const worker = await aFakeWorker();
    const { gateway, ended } = await aTracedGateway();
    gateway.report([{ url: worker.url }]);
    await gateway.chat({}, { headers: { "x-hive-direct": "redirect" }, redirect: "manual" });
    const spans = await ended();
    const request = onlyIn(spans);
    expect(request.attributes).toMatchObject({
      ...{ "hive_registry.ending": "handed_over", "http.response.status_code": 307, "hive_registry.tries": 0 },
    });
    expect(below(spans, request)).toEqual([["choice", "worker", "-"]]);
  });

  test("that was refused says with which status", async () => {
    const { gateway, ended } = await aTracedGateway();
    await gateway.chat({ model: "nobody-has-it" });
    await gateway.post("/v1/chat/completions", "{");
    const requests = requestsIn(await ended());
    expect(requests.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([404, 400]);
    expect(requests.map(({ attributes }) => attributes["hive_registry.ending"])).toEqual([
      "client_error",
      "client_error",
    ]);
  });
});

test("where nobody records traces, the client's own goes on as it is", async () => {
  const worker = await aFakeWorker();
  const gateway = await aGateway();
  gateway.report([{ url: worker.url }]);
  await gateway.chat({}, { headers: THEIRS });
  expect((worker.got[0] as Got).headers).toMatchObject(THEIRS);
});

describe("a receiver that fails", () => {
  const aRequest = (traces: ReturnType<typeof openTraces>): void => {
    const path = { path: "/v1/embeddings", summary: "", dialect: "openai", promptMembers: [], endMarks: [] } as const;
    traces.tracer.request(path, {}).ended("ok", 200);
  };

  test("is told of in the log, and stops nothing", async () => {
    const receiver = await aTraceReceiver(400);
    const said: object[] = [];
    const log = { warn: (fields: object, message: string) => void said.push({ ...fields, message }) };
    const traces = openTraces(
      { log, nowMs: () => 0 },
      { endpoint: receiver.endpoint, serviceName: "q", sampleRatio: 1 },
    );
    aRequest(traces);
    await traces.stop(5_000);
    expect(receiver.asked).toEqual([400]);
    expect(said).toEqual([{ lost: 1, why: expect.any(String), message: "traces could not be sent" }]);
  });

  test("that takes nothing loses spans beyond those that wait, and that is told, once a while", async () => {
    const silent = await aFakeWorker(() => undefined);
    let nowMs = 0;
    const said: { lost: number; why: string }[] = [];
    const log = { warn: (fields: object) => void said.push(fields as { lost: number; why: string }) };
    const traces = openTraces({ log, nowMs: () => nowMs }, { endpoint: silent.url, serviceName: "q", sampleRatio: 1 });
    for (let request = 0; request < 6_000; request++) aRequest(traces);
    expect(said).toEqual([{ lost: 1, why: expect.stringContaining("wait already") }]);
    nowMs += 60_000;
    aRequest(traces);
    expect(said).toHaveLength(2);
    // Those under way, at most 512, left a place each.
    expect(said[1]?.lost).toBeGreaterThan(6_000 - 4_096 - 512 - 1);
    expect(said[1]?.lost).toBeLessThanOrEqual(6_000 - 4_096);
    await traces.stop(50);
  });

  test("is waited for no longer than was said, when it says nothing", async () => {
    const silent = await aFakeWorker(() => undefined);
    const traces = openTraces(
      { log: pino({ level: "silent" }), nowMs: () => 0 },
      { endpoint: silent.url, serviceName: "q", sampleRatio: 1 },
    );
    const coming = silent.next();
    aRequest(traces);
    const stopped = traces.stop(50);
    await coming;
    await stopped;
    expect(silent.got).toHaveLength(1);
  });
});
