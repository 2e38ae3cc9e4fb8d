import { compile, ManagedWorkerSchema } from "@hive-registry/contract";
import { expect, test } from "vitest";
import type { Reach } from "../heartbeat/reach.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { describeManaged, describeReported, type ManagedFacts, stateOf } from "./describe.ts";
import type { SupervisedWorker } from "./supervised-worker.ts";
import { REPORTED_WORKERS_MAX, ToldByWorkers } from "./told.ts";

const here: Reach = {
  host: "127.0.0.1",
  beyondLoopback: false,
  lacksToken: false,
  exposure: { listen: "127.0.0.1" },
};

const aWorker = (part: Partial<SupervisedWorker> = {}) =>
  ({
    id: "w",
    phase: "ready",
    pid: 4_711,
    port: 9_300,
    restarts: 0,
    restartInMs: undefined,
    error: undefined,
    draining: false,
    changedAtMs: 0,
    engineName: "llama-cpp",
    launch: { worker_id: "w", alias: "llama", slots: 4, model_path: "/m.gguf", listen: "127.0.0.1", hive_url: "" },
    ...part,
  }) as SupervisedWorker;

const facts = (part: Partial<ManagedFacts> = {}): ManagedFacts => ({
  told: undefined,
  usage: undefined,
  reach: here,
  nowMs: 0,
  backendOtherwise: undefined,
  deviceId: undefined,
  ...part,
});

const aBeat = (part: object = {}) => ({ worker_id: "w", timestamp: "now", health_status: "healthy" as const, ...part });
const told = (part: object = {}) => ({ beat: aBeat(part), heardAtMs: 0, heardAt: "2026-11-01T00:00:00.000Z" });

test("a worker is busy when it says so or when its slots are taken, and loading when it says so", () => {
  expect(stateOf(undefined)).toBe("Idle");
  expect(stateOf(aBeat({ slots_total: 4, slots_busy: 3 }))).toBe("Idle");
  expect(stateOf(aBeat({ slots_total: 4, slots_busy: 4, state: "Idle" }))).toBe("Busy");
  expect(stateOf(aBeat({ slots_total: 4, slots_busy: 0, state: "Busy" }))).toBe("Busy");
  expect(stateOf(aBeat({ slots_total: 0, slots_busy: 0 }))).toBe("Idle");
  expect(stateOf(aBeat({ slots_busy: 3 }))).toBe("Idle");
  expect(stateOf(aBeat({ state: "Loading" }))).toBe("Loading");
});

test("what is known is told, and what is not known is absent", () => {
  const bare = describeManaged(aWorker(), facts());
  expect(bare).toEqual({
    managed: true,
    phase: "ready",
    pid: 4_711,
    restarts: 0,
    worker: {
      worker_id: "w",
      state: "Idle",
      last_heartbeat: "1970-01-01T00:00:00.000Z",
      health_status: "healthy",
      url: "http://127.0.0.1:9300",
      model_id: "llama",
      slots_total: 4,
      engine: "llama-cpp",
    },
  });
  expect(compile(ManagedWorkerSchema).errors(bare)).toEqual([]);
});

test("what is measured counts before what the worker says of itself", () => {
  const usage = { vram_bytes: 5, ram_bytes: 6, gpu_percent: 7, backend: "cuda", device_id: 1 };
  const beat = told({
    vram_bytes: 50,
    ram_bytes: 60,
    gpu_percent: 70,
    backend: "vulkan",
    device_id: 2,
    cpu_percent: 8,
  });
  expect(describeManaged(aWorker(), facts({ usage, told: beat })).worker).toMatchObject({ ...usage, cpu_percent: 8 });
  expect(describeManaged(aWorker(), facts({ told: beat })).worker).toMatchObject({ vram_bytes: 50, backend: "vulkan" });
});

test("a worker that reported and then is quiet for half a minute is degraded; one that never reports is not", () => {
  expect(describeManaged(aWorker(), facts({ told: told(), nowMs: 29_999 })).worker.health_status).toBe("healthy");
  expect(describeManaged(aWorker(), facts({ told: told(), nowMs: 30_000 })).worker.health_status).toBe("degraded");
  expect(describeManaged(aWorker(), facts({ nowMs: 1e9 })).worker.health_status).toBe("healthy");
});

test("what a worker says when it is not ready is not believed: it is loading", () => {
  const starting = aWorker({ phase: "starting", port: undefined } as Partial<SupervisedWorker>);
  const { worker } = describeManaged(starting, facts({ told: told({ state: "Idle" }) }));
  expect(worker.state).toBe("Loading");
  expect(worker).not.toHaveProperty("url");
});

test("a worker that announced itself keeps its own words; a loopback url is useless to a queen elsewhere", () => {
  const beat = told({ url: "http://127.0.0.1:11434", state: "Loading", kv_cache_percent: 3 });
  expect(describeReported(beat, here)).toMatchObject({
    managed: false,
    phase: "starting",
    worker: { url: "http://127.0.0.1:11434", kv_cache_percent: 3, last_heartbeat: "2026-11-01T00:00:00.000Z" },
  });
  expect(describeReported(beat, { ...here, beyondLoopback: true }).worker).not.toHaveProperty("url");
  const lan = told({ url: "http://10.0.0.5:11434", state: "Idle" });
  expect(describeReported(lan, { ...here, beyondLoopback: true }).worker.url).toBe("http://10.0.0.5:11434");
});

test("what one process of a worker said is forgotten with it", () => {
  const heard = new ToldByWorkers(new FakeClock());
  heard.hearManaged(aBeat({ slots_busy: 3 }), 1);
  heard.hearManaged(aBeat({ queue_depth: 2 }), 1);
  expect(heard.managed("w", 1)?.beat).toMatchObject({ slots_busy: 3, queue_depth: 2 });
  expect(heard.managed("w", 2)).toBeUndefined();
  heard.hearManaged(aBeat(), 2);
  expect(heard.managed("w", 2)?.beat).not.toHaveProperty("slots_busy");
});

test("so many workers may announce themselves and no more; silent ones make room", () => {
  const clock = new FakeClock();
  const heard = new ToldByWorkers(clock);
  const announce = (worker_id: string) => heard.hearReported(aBeat({ worker_id, url: "http://x", state: "Idle" }));
  for (let at = 0; at < REPORTED_WORKERS_MAX; at++) announce(`w${at}`);
  expect(() => announce("one-more")).toThrow("the most there can be");
  announce("w0");
  clock.advance(89_999);
  announce("w1");
  expect(heard.dropSilent()).toEqual([]);
  clock.advance(1);
  expect(heard.dropSilent()).toHaveLength(REPORTED_WORKERS_MAX - 1);
  announce("one-more");
  expect(heard.reported().map(({ beat }) => beat.worker_id)).toEqual(["w1", "one-more"]);
});
