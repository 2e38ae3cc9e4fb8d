import { metricsPage } from "@hive-registry/command/metrics";
import { expect, test } from "vitest";
import { noCounts } from "../events/webhook.ts";
import { GatewayStats } from "../gateway/stats.ts";
import { aGateway } from "../gateway/testing/a-gateway.ts";
import { aFakeWorker, refusing } from "../gateway/testing/fake-worker.ts";
import { aHeartbeat, aQueen, aWorker } from "../testing/a-queen.ts";
import { MODELS_MAX } from "./bounded.ts";
import { countChanges } from "./change-counts.ts";
import { FAMILIES } from "./families.ts";
import { FLEET_FAMILIES } from "./fleet-families.ts";
import { GATEWAY_FAMILIES } from "./gateway-families.ts";
import { LIVENESS_FAMILIES } from "./liveness-families.ts";
import { openMetrics } from "./metrics.ts";
import { readQueen, DEFAULT_METRICS_LIMITS as SOME } from "./reading.ts";

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
    'hive_registry_hives{status="alive"} 1',
    'hive_registry_workers{state="idle"} 2',
    "hive_registry_workers_set_aside 1",
    "hive_registry_vram_used_bytes 8000000000",
    'hive_registry_heartbeats_total{result="accepted"} 1',
    "hive_registry_reservations 0",
    'hive_registry_reservations_ended_total{outcome="error"} 1',
    'hive_registry_gateway_requests_total{path="/v1/chat/completions",ending="ok"} 1',
    'hive_registry_model_requests_total{model="m"} 1',
    'hive_registry_model_requests_failed_total{model="m"} 0',
    'hive_registry_model_tokens_total{model="m",direction="output"} 0',
    'hive_registry_gateway_requests_total{path="/v1/chat/completions",ending="client_error"} 1',
    "hive_registry_gateway_in_flight 0",
    "hive_registry_gateway_failovers_total 1",
    'hive_registry_gateway_first_byte_seconds_bucket{le="+Inf"} 1',
    "hive_registry_gateway_first_byte_seconds_count 1",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
});

test("every line is one that Prometheus reads, and what is known has its help and its kind", async () => {
  const gateway = await aGateway();
  gateway.report([{}]);
  const { text } = await metricsOf(gateway.url);
  const sample = /^[a-z_][a-z0-9_]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? (?:-?[\d.]+(?:e[+-]?\d+)?|NaN)$/i;
  expect(text.split("\n").filter((line) => line !== "" && !line.startsWith("# ") && !sample.test(line))).toEqual([]);
  const told = text.split("\n").flatMap((line) => /^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1, 3).join(" ") ?? []);
  expect(new Set(told).size).toBe(told.length);
  for (const { name, kind } of [...FLEET_FAMILIES, ...LIVENESS_FAMILIES, ...GATEWAY_FAMILIES]) {
    if (!/_queue_length$|_webhook_|_model_(?:requests|tokens|queue)/.test(name))
      expect(told).toContain(`${name} ${kind}`);
  }
});

test("every sample has the labels that its family names", async () => {
  const { queen, heartbeat } = await aQueen();
  await heartbeat(aHeartbeat({ version: "1", workers: [aWorker({ model_id: "m", slots_total: 2, vram_bytes: 1e9 })] }));
  const changes = countChanges(queen.registry);
  const reading = readQueen({ queen, gateway: new GatewayStats(["/v1/x"]), changes: changes.counts }, SOME);
  changes.stop();
  for (const family of FAMILIES) {
    for (const { labels = {} } of family.read(reading))
      expect([family.name, Object.keys(labels)]).toEqual([family.name, family.labels]);
  }
});

test("the queue's length is told for each model, of many models for the longest lines only", () => {
  const waiting = Array.from({ length: MODELS_MAX + 3 }, (_, at) => [`m"${at}`, at === 7 ? 2 : 1] as const);
  const family = GATEWAY_FAMILIES.find(({ name }) => name === "hive_registry_queue_length");
  const lines = metricsPage([family as NonNullable<typeof family>], { waiting } as never).split("\n");
  expect(lines).toContain('hive_registry_queue_length{model="m\\"7"} 2');
  expect(lines).toContain('hive_registry_queue_length{model="(others)"} 3');
  expect(lines.filter((line) => line.startsWith("hive_registry_queue_length"))).toHaveLength(MODELS_MAX + 1);
});

test("hives and workers are told one by one while the fleet is small, and that they are not when it is not", async () => {
  const { queen, heartbeat, clock } = await aQueen();
  for (const hive_id of ["a", "b"]) {
    await heartbeat(aHeartbeat({ hive_id, workers: [aWorker({ worker_id: "w", slots_total: 4, slots_busy: 1 })] }));
  }
  clock.advance(7_000);
  const page = (hivesMax: number, workersMax: number): string[] => {
    const metrics = openMetrics({ queen, gateway: undefined }, { hivesMax, workersMax });
    metrics.stop();
    return metrics.page().split("\n");
  };
  const all = page(2, 2);
  expect(all).toContain('hive_registry_hive_up{hive_id="a"} 1');
  expect(all).toContain('hive_registry_hive_heartbeat_age_seconds{hive_id="b"} 7');
  expect(all).toContain('hive_registry_hive_workers{hive_id="b",state="idle"} 1');
  expect(all).toContain('hive_registry_fleet_worker_slots_busy{hive_id="a",worker_id="w"} 1');
  expect(all).toContain('hive_registry_metrics_limited{subject="hives"} 0');
  const hivesOnly = page(2, 1);
  expect(hivesOnly).toContain('hive_registry_hive_up{hive_id="a"} 1');
  expect(hivesOnly.filter((line) => line.includes("worker_id="))).toEqual([]);
  expect(hivesOnly).toContain('hive_registry_metrics_limited{subject="workers"} 1');
  const sums = page(1, 2);
  expect(sums.filter((line) => /hive_id=|worker_id=/.test(line))).toEqual([]);
  expect(sums).toContain('hive_registry_metrics_limited{subject="hives"} 1');
  expect(sums).toContain('hive_registry_metrics_limited{subject="workers"} 1');
  expect(sums).toContain('hive_registry_hives{status="alive"} 2');
});

test("what happened to hives and workers is counted", async () => {
  const { queen, heartbeat } = await aQueen();
  const metrics = openMetrics({ queen, gateway: undefined });
  await heartbeat(aHeartbeat({ workers: [aWorker({ state: "Idle" })] }));
  await heartbeat(aHeartbeat({ workers: [aWorker({ state: "Busy" })] }));
  queen.removeHive(aHeartbeat().hive_id);
  const lines = metrics.page().split("\n");
  metrics.stop();
  for (const [change, times] of Object.entries({ added: 1, state: 1, removed: 1 })) {
    expect(lines).toContain(`hive_registry_fleet_worker_changes_total{change="${change}"} ${times}`);
  }
  expect(lines).toContain('hive_registry_hive_changes_total{change="removed"} 1');
  expect(lines).toContain('hive_registry_hive_changes_total{change="evicted"} 0');
});

test("when most of the fleet falls silent together, metrics say that nobody is evicted for now, and when that is over", async () => {
  const { queen, heartbeat, clock } = await aQueen({ evictAfterMs: 60_000 });
  const metrics = openMetrics({ queen, gateway: undefined });
  const value = (sample: string): number =>
    Number(
      metrics
        .page()
        .split("\n")
        .find((line) => line.startsWith(`${sample} `))
        ?.split(" ")[1],
    );
  const hives = Array.from({ length: 10 }, (_, at) => `hive-${at}`);
  const beat = (seq: number) =>
    Promise.all(hives.map((hive_id) => heartbeat(aHeartbeat({ hive_id, boot_id: "b", seq, workers: [] }))));
  // Past the grace of the start.
  for (let seq = 1; seq <= 20; seq++) {
    await beat(seq);
    clock.advance(5_000);
  }
  expect(value("hive_registry_liveness_frozen")).toBe(0);
  expect(value("hive_registry_liveness_grace")).toBe(0);
  for (let at = 0; at < 30; at++) clock.advance(5_000);
  expect(value('hive_registry_hives{status="silent"}')).toBe(10);
  expect(value("hive_registry_liveness_frozen")).toBe(1);
  expect(value("hive_registry_hives_held_back")).toBe(10);
  await beat(21);
  clock.advance(1_000);
  expect(value("hive_registry_liveness_frozen")).toBe(0);
  for (const change of ["frozen", "thawed"])
    expect(value(`hive_registry_fleet_changes_total{change="${change}"}`)).toBe(1);
  expect(value('hive_registry_hive_changes_total{change="evicted"}')).toBe(0);
  metrics.stop();
});

test("what becomes of events for a webhook's receiver is told where there is one", async () => {
  const { queen } = await aQueen();
  const page = (webhook?: ReturnType<typeof noCounts>): string => {
    const metrics = openMetrics({ queen, gateway: undefined, webhook });
    metrics.stop();
    return metrics.page();
  };
  expect(page()).not.toContain("hive_registry_webhook");
  const told = page({ ...noCounts(), delivered: 7, failed_tries: 2, waiting: 3 }).split("\n");
  expect(told).toContain('hive_registry_webhook_events_total{outcome="delivered"} 7');
  expect(told).toContain("hive_registry_webhook_failed_tries_total 2");
  expect(told).toContain("hive_registry_webhook_waiting_events 3");
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
  expect(reply.payload).toContain('hive_registry_workers{state="idle"} 1\n');
});
