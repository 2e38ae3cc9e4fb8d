import fc from "fast-check";
import type { HiveHeartbeatPayload, WorkerInfo } from "hive-registry";
import { describe, expect, test } from "vitest";
import { HiveError } from "./errors.ts";
import { heartbeatValidator, leaseValidator, WORKERS_PER_HIVE_MAX, workerHeartbeatValidator } from "./heartbeat.ts";
import { ERROR_DETAILS_MAX } from "./validate.ts";

const worker: WorkerInfo = {
  worker_id: "worker-1",
  state: "Idle",
  last_heartbeat: "2025-10-21T10:00:00Z",
  health_status: "healthy",
};
const everyField: WorkerInfo = {
  ...worker,
  url: "http://10.0.0.7:9300",
  model_id: "llama-3-8b",
  models: ["llama-3-8b", "qwen/qwen3:8b"],
  backend: "cuda",
  device_id: 0,
  vram_bytes: 8_589_934_592,
  ram_bytes: 0,
  cpu_percent: 3.5,
  gpu_percent: 100,
  slots_total: 4,
  slots_busy: 0,
  queue_depth: 0,
  kv_cache_percent: 12.5,
  engine: "llama-cpp",
  draining: false,
  last_reservation: "r-1",
  last_handover: "r-1",
};
const heartbeat: HiveHeartbeatPayload = { hive_id: "desk", timestamp: "2025-10-21T10:00:00Z", workers: [worker] };
const withWorker = (fields: object) => ({ ...heartbeat, workers: [{ ...everyField, ...fields }] });

describe("a heartbeat", () => {
  test("with only the seed's fields, or with all there are, is valid", () => {
    expect(heartbeatValidator.errors(heartbeat)).toEqual([]);
    const device = {
      ...{ id: "0", backend: "cuda", name: "NVIDIA GB10", vram_total_bytes: null, vram_free_bytes: null },
      ...{ utilization_percent: 35, temperature_c: 41, power_w: 11.17, uuid: "GPU-1", driver: "580.95.05" },
      ...{ index: 0, memory: "unified" as const },
    };
    const whole: HiveHeartbeatPayload = {
      ...heartbeat,
      ...{ workers: [everyField], devices: [device], boot_id: "b", seq: 0, hive_url: "http://[fd00::1]:7835" },
      ...{
        version: "0.1.0",
        interval_ms: 5_000,
        ram_total_bytes: 64e9,
        ram_available_bytes: 1,
        cpu_percent: 0,
        goodbye: true,
      },
    };
    expect(heartbeatValidator.errors(whole)).toEqual([]);
  });

  test("with fields that nobody knows is valid: newer hives may say more", () => {
    expect(heartbeatValidator.check({ ...withWorker({ mood: "good" }), weather: { rain: true } })).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ["nothing", null, ""],
    ["a list", [], ""],
    ["no id", { timestamp: heartbeat.timestamp, workers: [] }, ""],
    ["an empty id", { ...heartbeat, hive_id: "" }, "/hive_id"],
    ["an id of 10 kB", { ...heartbeat, hive_id: "x".repeat(10_000) }, "/hive_id"],
    ["__proto__ as id", { ...heartbeat, hive_id: "__proto__" }, "/hive_id"],
    ["two dots as id", { ...heartbeat, hive_id: ".." }, "/hive_id"],
    ["control characters in an id", { ...heartbeat, hive_id: "a\u001b[31m" }, "/hive_id"],
    ["an invisible direction mark in an id", { ...heartbeat, hive_id: "a\u202eb" }, "/hive_id"],
    ["half a surrogate pair in an id", { ...heartbeat, hive_id: "a\ud800" }, "/hive_id"],
    ["a number as timestamp", { ...heartbeat, timestamp: 5 }, "/timestamp"],
    ["workers that are no list", { ...heartbeat, workers: {} }, "/workers"],
    ["a worker that is no object", { ...heartbeat, workers: ["w"] }, "/workers/0"],
    ["an unknown state", withWorker({ state: "idle" }), "/workers/0/state"],
    ["an unknown health", withWorker({ health_status: "fine" }), "/workers/0/health_status"],
    ["negative memory", withWorker({ vram_bytes: -1 }), "/workers/0/vram_bytes"],
    ["huge memory", withWorker({ ram_bytes: 1e300 }), "/workers/0/ram_bytes"],
    ["NaN", withWorker({ gpu_percent: Number.NaN }), "/workers/0/gpu_percent"],
    ["infinity", withWorker({ cpu_percent: Number.POSITIVE_INFINITY }), "/workers/0/cpu_percent"],
    ["more than all", withWorker({ gpu_percent: 100.1 }), "/workers/0/gpu_percent"],
    ["half a slot", withWorker({ slots_total: 1.5 }), "/workers/0/slots_total"],
    ["a URL of another kind", withWorker({ url: "file:///etc/passwd" }), "/workers/0/url"],
    ["a URL with a password", withWorker({ url: "http://user:secret@host:1" }), "/workers/0/url"],
    ["a URL with a space", withWorker({ url: "http://ho st" }), "/workers/0/url"],
    ["models that are no names", withWorker({ models: ["ok", 7] }), "/workers/0/models/1"],
    ["the same id twice", { ...heartbeat, workers: [worker, worker] }, "/workers/1/worker_id"],
    ["a negative count", { ...heartbeat, seq: -1 }, "/seq"],
    ["an interval of no time", { ...heartbeat, interval_ms: 0 }, "/interval_ms"],
  ])("with %s is refused, and the fault is named", (_, value, path) => {
    expect(heartbeatValidator.check(value)).toBe(false);
    expect(heartbeatValidator.errors(value).map((error) => error.path)).toContain(path);
    expect(() => heartbeatValidator.parse(value)).toThrow(HiveError);
  });

  test("with 10,000 workers is refused, with as many as one machine may have it is not", () => {
    const many = (count: number) => ({
      ...heartbeat,
      workers: Array.from({ length: count }, (_, at) => ({ ...worker, worker_id: `w${at}` })),
    });
    expect(heartbeatValidator.check(many(WORKERS_PER_HIVE_MAX))).toBe(true);
    expect(heartbeatValidator.check(many(10_000))).toBe(false);
    const twice = many(100);
    twice.workers[99] = { ...worker, worker_id: "w0" };
    expect(heartbeatValidator.errors(twice)).toEqual([
      { path: "/workers/99/worker_id", message: "must be unique within the heartbeat" },
    ]);
  });

  test("with a thousand faults gets an answer of bounded length", () => {
    const workers = Array.from({ length: 1_000 }, () => ({ worker_id: 1 }));
    expect(heartbeatValidator.errors({ ...heartbeat, workers }).length).toBeLessThanOrEqual(ERROR_DETAILS_MAX);
  });

  test("is checked without ever throwing, whatever JSON it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (anything, field) => {
        for (const value of [
          anything,
          { ...heartbeat, workers: anything },
          withWorker({ gpu_percent: field, models: anything }),
        ]) {
          expect(heartbeatValidator.check(value)).toBe(heartbeatValidator.errors(value).length === 0);
        }
      }),
    );
  });
});

test("a lease names hive, boot and count, nothing less", () => {
  const lease = { hive_id: "desk", boot_id: "b", seq: 1 };
  expect(leaseValidator.check(lease)).toBe(true);
  for (const key of Object.keys(lease)) {
    expect(leaseValidator.check(Object.fromEntries(Object.entries(lease).filter(([name]) => name !== key)))).toBe(
      false,
    );
  }
});

test("a worker's own heartbeat is the seed's three fields, and whatever else it knows", () => {
  const seed = { worker_id: "w", timestamp: "2025-10-21T10:00:00Z", health_status: "healthy" };
  expect(workerHeartbeatValidator.errors(seed)).toEqual([]);
  const { last_heartbeat: _, ...known } = everyField;
  expect(workerHeartbeatValidator.errors({ ...known, ...seed })).toEqual([]);
  expect(workerHeartbeatValidator.check({ ...seed, slots_busy: -1 })).toBe(false);
});
