import { expect, test } from "vitest";
import { aGateway } from "../gateway/testing/a-gateway.ts";
import { aFakeWorker, refusing } from "../gateway/testing/fake-worker.ts";
import { aHeartbeat, aQueen, aWorker } from "../testing/a-queen.ts";
import { FAMILIES, QUEUE_MODELS_MAX } from "./families.ts";
import { familyText } from "./family.ts";

const metricsOf = async (url: string, headers: Record<string, string> = {}) => {
  const reply = await fetch(`${url}/metrics`, { headers });
  return { status: reply.status, type: reply.headers.get("content-type"), text: await reply.text() };
};

test("metrics tell what the queen and its gateway did, and how the process is", async () => {
  const bad = await aFakeWorker(refusing(503, ""));
  const good = await aFakeWorker();
  const gateway = await aGateway();
  gateway.report([
    { url: bad.url, gpu_percent: 0 },
    { url: good.url, gpu_percent: 50, vram_bytes: 8e9 },
  ]);
  await gateway.chat();
  await gateway.chat({ model: "nobody-has-it" });
  const { status, type, text } = await metricsOf(gateway.url);
  expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  for (const line of [
    'hive_hives{status="alive"} 1',
    'hive_workers{state="idle"} 2',
    "hive_workers_set_aside 1",
    "hive_vram_used_bytes 8000000000",
    'hive_heartbeats_total{result="accepted"} 1',
    "hive_reservations 0",
    'hive_reservations_ended_total{outcome="error"} 1',
    'hive_gateway_requests_total{path="/v1/chat/completions",ending="ok"} 1',
    'hive_gateway_requests_total{path="/v1/chat/completions",ending="client_error"} 1',
    "hive_gateway_in_flight 0",
    "hive_gateway_failovers_total 1",
    'hive_gateway_first_byte_seconds_bucket{le="+Inf"} 1',
    "hive_gateway_first_byte_seconds_count 1",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds [\d.e-]+$/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
});

test("every line is one that Prometheus reads, and every family has its help and its kind", async () => {
  const gateway = await aGateway();
  const { text } = await metricsOf(gateway.url);
  const sample = /^[a-z_][a-z0-9_]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? (?:-?[\d.]+(?:e[+-]?\d+)?|NaN)$/i;
  expect(text.split("\n").filter((line) => line !== "" && !line.startsWith("# ") && !sample.test(line))).toEqual([]);
  for (const { name, kind } of FAMILIES) {
    expect(text).toContain(`# HELP ${name} `);
    expect(text).toContain(`# TYPE ${name} ${kind}\n`);
  }
});

test("the queue's length is told for each model, of many models for the longest lines only", async () => {
  const { queen } = await aQueen();
  for (let model = 0; model < QUEUE_MODELS_MAX + 3; model++) {
    void queen.reserve({ model: `m"${model}`, wait_ms: 1_000 }).catch(() => undefined);
  }
  void queen.reserve({ model: 'm"7', wait_ms: 1_000 }).catch(() => undefined);
  const family = FAMILIES.find(({ name }) => name === "hive_queue_length");
  const lines = familyText(family as NonNullable<typeof family>, { waiting: queen.line.lengths() } as never).split(
    "\n",
  );
  expect(lines).toContain('hive_queue_length{model="m\\"7"} 2');
  expect(lines).toContain('hive_queue_length{model="(others)"} 3');
  expect(lines.filter((line) => line.startsWith("hive_queue_length"))).toHaveLength(QUEUE_MODELS_MAX + 1);
});

test("they are as private as everything else", async () => {
  const gateway = await aGateway({}, { token: "s3cret" });
  expect((await metricsOf(gateway.url)).status).toBe(401);
  expect((await metricsOf(gateway.url, { authorization: "Bearer s3cret" })).status).toBe(200);
});

test("a queen without a gateway has them too", async () => {
  const queen = await aQueen();
  await queen.heartbeat(aHeartbeat({ workers: [aWorker()] }));
  const reply = await queen.app.inject({ url: "/metrics", headers: { host: "localhost" } });
  expect(reply.payload).toContain('hive_workers{state="idle"} 1\n');
});
