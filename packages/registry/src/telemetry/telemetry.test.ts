import { describe, expect, test } from "vitest";
import { aWorker } from "../testing/builders.ts";
import type { HiveHeartbeatPayload } from "../types.ts";
import { MODELS_KEPT, OTHER_MODELS } from "./models.ts";
import { LONG_STEP_MS, STEP_MS } from "./steps.ts";
import { Telemetry } from "./telemetry.ts";

/** A time at which a long step begins. */
const START_MS = Math.ceil(Date.parse("2026-11-01T12:00:00Z") / LONG_STEP_MS) * LONG_STEP_MS;

const aStory = () => {
  let nowMs = START_MS;
  let seq = 0;
  const telemetry = new Telemetry(nowMs);
  const payload = (fields: Partial<HiveHeartbeatPayload> = {}): HiveHeartbeatPayload => ({
    ...{ hive_id: "desk", timestamp: new Date(nowMs).toISOString(), workers: [], boot_id: "one", seq: ++seq },
    ...fields,
  });
  const beat = (fields: Partial<HiveHeartbeatPayload> = {}) => {
    const one = payload(fields);
    telemetry.heartbeat(one, nowMs);
    return telemetry.sample(one, nowMs);
  };
  return {
    telemetry,
    beat,
    lease: () => telemetry.heartbeat({ hive_id: "desk", boot_id: "one", seq: ++seq }, nowMs),
    skip: () => ++seq,
    wait: (ms: number) => {
      nowMs += ms;
    },
    now: () => nowMs,
    /** Of the last minutes, oldest first. */
    last: (minutes: number) => telemetry.hive("desk", { window_ms: minutes * STEP_MS }, nowMs)?.series,
    fleet: (minutes: number) => telemetry.fleet({ window_ms: minutes * STEP_MS, modelsMax: 50 }, nowMs),
  };
};

describe("a hive over time", () => {
  test("shows how often it beats, how evenly, and what its machine does, minute by minute", () => {
    const { beat, wait, last } = aStory();
    const device = {
      id: "gpu-0",
      backend: "cuda",
      name: "A",
      temperature_c: null,
      power_w: null,
      uuid: null,
      driver: null,
    };
    for (let at = 0; at < 12; at++) {
      beat({
        workers: [aWorker({ ram_bytes: 4e9, cpu_percent: 10 })],
        devices: [{ ...device, vram_total_bytes: 24e9, vram_free_bytes: 14e9, utilization_percent: at < 6 ? 50 : 70 }],
      });
      wait(at % 2 === 0 ? 4_000 : 6_000);
    }
    beat();
    const series = last(2);
    expect(series?.heartbeat_interval_ms.map((ms) => ms && Math.round(ms / 100))).toEqual([49, 60]);
    expect(series?.heartbeat_jitter_ms[0]).toBeGreaterThan(950);
    expect(series?.heartbeat_jitter_ms[0]).toBeLessThan(1_050);
    expect(series?.gpu_percent).toEqual([60, 60]);
    expect(series?.cpu_percent).toEqual([10, 10]);
    expect((series?.vram_used_bytes[0] ?? 0) / 1e10).toBeCloseTo(1, 3);
    expect(series?.workers).toEqual([1, 0]);
    expect(series?.heartbeats_lost).toEqual([0, 0]);
  });

  test("is unknown where nobody told, and never 0", () => {
    const { beat, wait, last } = aStory();
    beat();
    wait(3 * STEP_MS);
    beat();
    const series = last(5);
    expect(series?.workers).toEqual([null, 0, null, null, 0]);
    expect(series?.gpu_percent).toEqual([null, null, null, null, null]);
    expect(series?.heartbeat_interval_ms.slice(0, 4)).toEqual([null, null, null, null]);
    expect(Math.abs((series?.heartbeat_interval_ms[4] ?? 0) - 180_000)).toBeLessThan(100);
  });

  test("keeps its numbers through minutes in which it only says that nothing changed", () => {
    const { beat, lease, wait, last } = aStory();
    beat({ cpu_percent: 42 });
    wait(STEP_MS);
    lease();
    wait(2 * STEP_MS);
    lease();
    expect(last(4)?.cpu_percent).toEqual([42, 42, null, 42]);
  });

  test("counts what was skipped as lost, and not what was only late", () => {
    const { telemetry, lease, skip, wait, now, last } = aStory();
    lease();
    const late = skip();
    skip();
    lease();
    expect(last(1)?.heartbeats_lost).toEqual([2]);
    telemetry.late({ hive_id: "desk", boot_id: "one", seq: late }, now());
    telemetry.late({ hive_id: "desk", boot_id: "one", seq: late }, now());
    telemetry.late({ hive_id: "desk", boot_id: "before", seq: 1 }, now());
    expect(last(1)?.heartbeats_lost).toEqual([1]);
    wait(STEP_MS);
    telemetry.heartbeat({ hive_id: "desk", boot_id: "two", seq: 900 }, now());
    expect(last(1)?.heartbeats_lost).toEqual([0]);
    expect(last(1)?.heartbeat_interval_ms).toEqual([null]);
  });

  test("tells once a minute how far its clock is ahead", () => {
    const { beat, wait, now, last } = aStory();
    const ahead = () => ({ timestamp: new Date(now() + 86_400_000).toISOString() });
    expect(beat(ahead())).toBe(86_400_000);
    wait(5_000);
    expect(beat(ahead())).toBeNaN();
    const shown = last(1)?.clock_skew_ms[0] ?? 0;
    expect(Math.abs(shown - 86_400_000)).toBeLessThan(86_400);
    wait(STEP_MS);
    beat({ timestamp: new Date(now() - 250).toISOString() });
    expect(last(1)?.clock_skew_ms).toEqual([-250]);
  });

  test("counts the comings and goings of its workers", () => {
    const { telemetry, beat, now, last } = aStory();
    beat();
    for (const kind of ["added", "added", "state", "failed", "recovered", "removed"] as const) {
      telemetry.workerChanged({ hive_id: "desk", kind }, now());
    }
    expect(last(1)).toMatchObject({
      ...{ workers_started: [2], workers_stopped: [1], workers_failed: [1], worker_state_changes: [1] },
    });
  });

  test("is downsampled to a day in halves of an hour", () => {
    const { telemetry, beat, skip, wait, now } = aStory();
    for (let minute = 0; minute < 24 * 60; minute++) {
      skip();
      beat({ cpu_percent: minute < 12 * 60 ? 20 : 40 });
      wait(STEP_MS);
    }
    const day = telemetry.hive("desk", { window_ms: 86_400_000 }, now() - 1);
    expect(day?.step_ms).toBe(LONG_STEP_MS);
    expect(day?.series.cpu_percent).toEqual([...new Array(24).fill(20), ...new Array(24).fill(40)]);
    expect(day?.series.heartbeats_lost.slice(1)).toEqual(new Array(47).fill(30));
    const six = telemetry.hive("desk", { window_ms: 86_400_000, step_ms: 6 * 3_600_000 }, now() - 1);
    expect(six?.series.cpu_percent).toHaveLength(4);
  });

  test("is gone when it is forgotten, and begins with nothing when it comes back", () => {
    const { telemetry, beat, last } = aStory();
    beat({ cpu_percent: 5 });
    expect(telemetry.forget("desk")).toBe(true);
    expect(telemetry.forget("desk")).toBe(false);
    expect(last(1)).toBeUndefined();
    beat();
    expect(last(2)?.cpu_percent).toEqual([null, null]);
    expect(last(1)?.heartbeat_interval_ms).toEqual([null]);
  });
});

describe("the fleet over time", () => {
  test("is the sum of its hives, and the mean of their percents", () => {
    const { telemetry, beat, wait, now, fleet } = aStory();
    for (const [hive_id, cpu_percent, gb] of [
      ["a", 10, 4],
      ["b", 30, 8],
    ] as const) {
      beat({ hive_id, cpu_percent, workers: [aWorker({ vram_bytes: gb * 2 ** 30 })] });
    }
    telemetry.count({ hives_alive: 2, workers: 2, workers_busy: 1 }, now());
    const expected = { cpu_percent: [20], vram_used_bytes: [12 * 2 ** 30], hives_alive: [2], workers_busy: [1] };
    expect(fleet(1).series).toMatchObject(expected);
    wait(STEP_MS);
    telemetry.count({ hives_alive: 2, workers: 2, workers_busy: 0 }, now());
    expect(fleet(2).series).toMatchObject({
      ...{ cpu_percent: [20, null], vram_used_bytes: [12 * 2 ** 30, null], workers_busy: [1, 0] },
      heartbeats_lost: [0, 0],
    });
  });

  test("tells heartbeats a second, also of the minute that is not over", () => {
    const { beat, wait, fleet } = aStory();
    for (let second = 0; second < 75; second++) {
      beat();
      wait(1_000);
    }
    expect(fleet(2).series.heartbeats_per_second).toEqual([1, 1]);
  });
});

describe("models over time", () => {
  test("show requests, failures, tokens where workers told them, and how long people waited", () => {
    const { telemetry, now, fleet } = aStory();
    const tell = (request: Parameters<Telemetry["request"]>[1]) => telemetry.request("llama", request, now());
    tell({ failed: false, input_tokens: 10, output_tokens: 40, queue_wait_ms: 0, first_byte_ms: 100 });
    tell({ failed: false, queue_wait_ms: 200, first_byte_ms: 300 });
    tell({ failed: true });
    expect(fleet(1).models).toEqual([
      {
        model: "llama",
        series: {
          ...{ requests: [3], requests_failed: [1], input_tokens: [10], output_tokens: [40] },
          ...{ queue_wait_ms: [100], first_byte_ms: [200] },
        },
      },
    ]);
  });

  test("the busiest are told apart, the rest is one, and nothing is lost of the sum", () => {
    const { telemetry, now } = aStory();
    for (let model = 0; model < MODELS_KEPT + 40; model++) {
      for (let request = 0; request <= model; request++) telemetry.request(`m${model}`, { failed: false }, now());
    }
    const { models } = telemetry.fleet({ modelsMax: 10 }, now());
    expect(models).toHaveLength(10);
    expect(models[0]?.model).toBe(`m${MODELS_KEPT - 1}`);
    expect(models.at(-1)?.model).toBe(OTHER_MODELS);
    const total = models.reduce((sum, { series }) => sum + (series.requests.at(-1) ?? 0), 0);
    expect(total).toBe(((MODELS_KEPT + 40) * (MODELS_KEPT + 41)) / 2);
  });

  test("a model that was quiet gives its place to one that is asked for", () => {
    const { telemetry, wait, now } = aStory();
    for (let model = 0; model < MODELS_KEPT; model++) telemetry.request(`m${model}`, { failed: false }, now());
    wait(STEP_MS);
    telemetry.request("newcomer", { failed: false }, now());
    expect(telemetry.hasModel("newcomer")).toBe(true);
    expect(telemetry.hasModel("m0")).toBe(false);
  });
});

test("a hive takes some two kilobytes, however long it is heard", () => {
  const telemetry = new Telemetry(START_MS);
  const empty = telemetry.bytes;
  const hives = 4_096;
  for (let minute = 0; minute < 90; minute++) {
    for (let hive = 0; hive < hives; hive++) {
      telemetry.heartbeat({ hive_id: `hive-${hive}`, boot_id: "b", seq: minute + 1 }, START_MS + minute * STEP_MS);
    }
  }
  const bytes = (telemetry.bytes - empty) / hives;
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(2_300);
  for (let hive = 0; hive < hives; hive++) telemetry.forget(`hive-${hive}`);
  for (let hive = 0; hive < hives; hive++) {
    telemetry.heartbeat({ hive_id: `other-${hive}`, boot_id: "b", seq: 1 }, START_MS + 90 * STEP_MS);
  }
  expect((telemetry.bytes - empty) / hives).toBe(bytes);
});
