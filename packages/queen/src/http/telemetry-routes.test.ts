import {
  FLEET_SERIES,
  type FleetTelemetry,
  HIVE_SERIES,
  type HivesTelemetry,
  type HiveTelemetry,
  MODEL_SERIES,
} from "@hive-registry/contract";
import { FLEET_KINDS, HIVE_KINDS, MODEL_KINDS } from "hive-registry/telemetry";
import { expect, test } from "vitest";
import { aHeartbeat, aQueen, aWorker } from "../testing/a-queen.ts";

const aStory = async () => {
  const world = await aQueen();
  const get = async <T>(path: string) => (await world.ask("GET", `/api/v1/telemetry/${path}`)).body as T;
  let seq = 0;
  const beat = (hive_id: string, cpu_percent: number) => {
    const timestamp = new Date(world.clock.nowMs()).toISOString();
    return world.heartbeat(aHeartbeat({ hive_id, timestamp, cpu_percent, boot_id: "one", seq: ++seq }));
  };
  return { ...world, get, beat };
};

test("what the registry keeps is what the contract names", () => {
  expect(Object.keys(HIVE_KINDS).toSorted()).toEqual([...HIVE_SERIES].toSorted());
  expect(Object.keys(FLEET_KINDS).toSorted()).toEqual([...FLEET_SERIES].toSorted());
  expect(Object.keys(MODEL_KINDS).toSorted()).toEqual([...MODEL_SERIES].toSorted());
});

test("one hive over time: all series have one length, the last step is under way, and the unknown is null", async () => {
  const { clock, beat, get, queen } = await aStory();
  const { boot_id, seq } = { boot_id: "one", seq: 3 };
  await beat("desk", 20);
  clock.advance(5_000);
  queen.receiveLease({ hive_id: "desk", boot_id, seq });
  const { hive_id, from_ms, step_ms, series } = await get<HiveTelemetry>("hives/desk");
  expect({ hive_id, step_ms }).toEqual({ hive_id: "desk", step_ms: 60_000 });
  expect(Object.values(series).map((one) => one.length)).toEqual(HIVE_SERIES.map(() => 60));
  expect(from_ms + 60 * step_ms).toBeGreaterThan(clock.nowMs());
  expect(from_ms + 59 * step_ms).toBeLessThanOrEqual(clock.nowMs());
  const last = Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.at(-1)]));
  expect(last).toMatchObject({
    ...{ heartbeats_lost: 1, cpu_percent: 20, workers: 1, clock_skew_ms: 0, gpu_percent: null, vram_used_bytes: null },
  });
  expect(series.cpu_percent.slice(0, -1)).toEqual(new Array(59).fill(null));
});

test("a hive that nobody knows, or knows no more, is no empty answer", async () => {
  const { ask, beat } = await aStory();
  await beat("desk", 1);
  expect((await ask("GET", "/api/v1/telemetry/hives/desk")).status).toBe(200);
  await ask("DELETE", "/api/v1/hives/desk");
  expect(await ask("GET", "/api/v1/telemetry/hives/desk")).toMatchObject({
    ...{ status: 404, body: { error: { code: "HIVE_NOT_FOUND" } } },
  });
});

test("the fleet over time, with its workers' comings and goings", async () => {
  const { clock, beat, get, heartbeat } = await aStory();
  await beat("a", 10);
  await beat("b", 30);
  clock.advance(5_000);
  await heartbeat(
    aHeartbeat({ hive_id: "a", workers: [aWorker(), aWorker({ worker_id: "w2" })], boot_id: "two", seq: 1 }),
  );
  clock.advance(5_000);
  const { series, models } = await get<FleetTelemetry>("fleet?window_ms=60000");
  expect(series).toMatchObject({ workers_started: [1], hives_alive: [2], workers_busy: [0] });
  expect(series.heartbeats_per_second).toEqual([0.3]);
  expect(models).toEqual([]);
});

test("sparklines of many hives come page by page, in as few steps as were asked for", async () => {
  const { beat, get } = await aStory();
  for (const id of ["a", "b", "c"]) await beat(id, 1);
  const first = await get<HivesTelemetry>("hives?limit=2&window_ms=3600000&step_ms=300000");
  expect(first).toMatchObject({ step_ms: 300_000, hives: [{ hive_id: "a" }, { hive_id: "b" }] });
  expect(first.hives[0]?.gpu_percent).toHaveLength(12);
  const second = await get<HivesTelemetry>(`hives?limit=2&cursor=${first.next_cursor}`);
  expect(second.hives.map(({ hive_id }) => hive_id)).toEqual(["c"]);
  expect(second).not.toHaveProperty("next_cursor");
});

test("windows and steps have bounds", async () => {
  const { ask, beat } = await aStory();
  await beat("desk", 1);
  for (const wrong of ["window_ms=1", "window_ms=86400001", "step_ms=0", "step_ms=abc"]) {
    for (const path of ["hives/desk", "fleet", "hives"]) {
      const { status } = await ask("GET", `/api/v1/telemetry/${path}?${wrong}`);
      expect(status, `${path} ${wrong}`).toBe(400);
    }
  }
  expect((await ask("GET", "/api/v1/telemetry/hives?limit=1001")).status).toBe(400);
});
